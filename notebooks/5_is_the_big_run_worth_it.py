# %% [markdown]
# # 5. Is the big run worth it?
#
# **Question.** Reaching a loss of 0.8 is worth 20 to us, the run would cost 15. Go or no go, or
# a smaller run first? And which cheap runs would tell most?

# %%
import bayes_scaling as bs
from bayes_scaling.figures import plot_next_runs, plot_regret
from settings import QUICK

runs = bs.best_of_cells(bs.load_dataset("nano-lm"))
fit = bs.fit("coupled-drift", runs, **QUICK)
BUDGET, TARGET, VALUE = 1e15, 0.8, 20.0
rig = bs.Rig(accelerator="a100", peak=1e12, utilisation=0.4, price=21.6)
print(f"the run costs {rig.money(BUDGET):.3g}")

# %%
row = fit.risk(flops=BUDGET, target_loss=TARGET, rig=rig, value=VALUE).rows()[0]
for name in ("in_words", "decision", "expected_gain", "expected_regret", "regret_money"):
    print(f"{name:16s} {row[name]}")

# %% [markdown]
# Regret is what not knowing the law costs: against the best split of each draw, in loss, and as
# compute that the same loss would not have needed.

# %%
plot_regret(fit.valleys([BUDGET])[0])

# %% [markdown]
# A stage gate: a run of a tenth of the compute first. What it will show is drawn from its
# forecast, and each outcome weighs the draws anew.

# %%
gate = fit.stage_gate(BUDGET, TARGET, rig=rig, value=VALUE).rows()[0]
for name in (
    "chance",
    "chance_after_lower",
    "chance_after_upper",
    "width",
    "width_after",
    "changes_decision",
    "first_money",
    "gain_of_first",
):
    print(f"{name:20s} {gate[name]:.3g}")

# %% [markdown]
# And with a hundredth of the budget for exploration: which small runs narrow the forecast most?

# %%
design = fit.next_runs(1e13)
plot_next_runs(design)

# %%
design.table.head(8)

# %%
moved = fit.sensitivity({"params": row["params"], "tokens": row["tokens"]}, target_loss=TARGET)
moved.table[["assumption", "variant", "new_run", "chance", "note"]]

# %% [markdown]
# **Decision.** The line `decision` says it for the stated worth, and the sensitivity whether it
# hangs on a prior. Make the gate's run first when `gain_of_first` is above 0: what it is
# expected to tell is then worth more than it costs.
