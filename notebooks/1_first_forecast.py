# %% [markdown]
# # 1. A first forecast
#
# **Question.** We have 67 small byte-level transformers, the largest trained with 1e13 FLOP.
# What loss will a run with a hundred times that reach, how should its compute be split, and how
# sure are we?

# %%
import bayes_scaling as bs
from bayes_scaling.figures import plot_allocation, plot_chance, plot_loss
from settings import QUICK

runs = bs.best_of_cells(bs.load_dataset("nano-lm"))
runs

# %% [markdown]
# `best_of_cells` keeps the best learning rate of every size: a law in parameters and tokens
# knows nothing of learning rates, and poor ones would bend it. A table of your own is read by
# `bs.read_runs("runs.csv")`.
#
# The default averages several laws. Here we fit one of them, for speed; `bs.fit_ensemble(runs)`
# is what a decision should rest on.

# %%
fit = bs.fit("coupled-drift", runs, **QUICK)
print(*fit.checks, sep="\n")
fit.summary().round(3)

# %% [markdown]
# Every check carries its evidence and what to do about it. Now the forecast: `noise_free` is
# the law, `new_run` what one run will show.

# %%
BUDGET, TARGET = 1e15, 0.8
split = fit.allocate(flops=BUDGET)
split.table.T

# %%
choice = split.choices[0]
planned = fit.forecast({"params": choice.params, "tokens": choice.tokens})
planned.table[["new_run", "new_run_lower", "new_run_upper", "efolds_flops"]]

# %%
curve = fit.loss_curve(to=1e16)
plot_loss(fit, curve=curve, planned=planned)

# %%
plot_allocation(curve.allocation, runs=runs)

# %% [markdown]
# Shaded is what lies beyond the runs. The bands widen there, because the exponents may go on
# drifting as fast as the runs say they do.

# %%
plot_chance(curve, TARGET, planned=BUDGET)

# %%
risk = fit.risk(flops=BUDGET, target_loss=TARGET).rows()[0]
print(f"At {BUDGET:.0e} FLOP: {risk['in_words']}.")
print(f"To be {risk['sure']:.0%} sure takes {risk['enough_flops']:.2g} FLOP.")

# %% [markdown]
# **Decision.** Choose the split printed above and expect the loss inside its interval, not at
# its median. Whether the chance of the target is chance enough depends on what missing it
# costs, which is the subject of notebook 5; whether such intervals deserve trust on these runs,
# of notebook 7.
