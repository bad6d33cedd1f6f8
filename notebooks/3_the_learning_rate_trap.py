# %% [markdown]
# # 3. The learning-rate trap
#
# **Question.** Someone tunes the learning rate on three narrow models, keeps it, and
# extrapolates the loss to models thirty times wider. The forecast fails. Could they have known?

# %%
import numpy as np

import bayes_scaling as bs
from bayes_scaling.figures import plot_tune
from bayes_scaling.runs import select_rows
from settings import QUICK

runs = bs.load_dataset("metz-mlp")
widths = np.unique(runs["width"])
print(
    f"{len(runs)} perceptrons of widths {widths.min():.0f} to {widths.max():.0f}, 12 rates, 3 seeds"
)

# %% [markdown]
# The best rate of the three narrowest, over all of their runs:

# %%
narrow = runs.take((runs["width"] <= widths[2]) & np.isfinite(runs["loss"]))
rates = np.unique(narrow["learning_rate"])
means = [np.log(narrow["loss"][narrow["learning_rate"] == rate]).mean() for rate in rates]
fixed = float(rates[np.argmin(means)])
wide = select_rows(runs, f"learning_rate == {fixed} and width == {widths[-1]}")
truth = float(np.median(wide["loss"]))
print(f"rate {fixed}; the widest model reaches {truth:.3f} with it")

# %% [markdown]
# First the trap: a power law of width at that rate. Then the same law with a valley of learning
# rates on top, fitted on **all** rates of the same three widths. Its bottom is a power law of
# parameters with a weak prior, so it may move where no rate was tried.

# %%
SIZES = {name: float(wide[name][0]) for name in ("params", "tokens")}


def told(fit: bs.Fit, **more: float) -> str:
    row = fit.accept_unconverged().forecast({**SIZES, **more}).rows()[0]
    return f"{row['new_run']:.3f} [{row['new_run_lower']:.3f}, {row['new_run_upper']:.3f}]"


trap = bs.fit("saturating-m2-n", select_rows(narrow, f"learning_rate == {fixed}"), **QUICK)
print(f"the law at the fixed rate      {told(trap)}; truth {truth:.3f}")

# %%
valley = bs.fit("saturating-m2-n+lr-valley-steep", narrow, **QUICK)
print(f"the law of rates, at that rate {told(valley, learning_rate=fixed)}; truth {truth:.3f}")
widest = select_rows(runs, f"width == {widths[-1]}")
best = float(np.nanmin(widest["loss"]))
print(f"the law of rates, tuned        {told(valley)}; truth {best:.3f}")

# %%
draws = valley.accept_unconverged().forecast({**SIZES, "learning_rate": fixed}).draws[:, 0]
print(f"beforehand, the chance to fail by this much: {np.mean(draws >= truth):.2f}")

# %%
tuning = valley.accept_unconverged().tune(**SIZES)
plot_tune(tuning)

# %% [markdown]
# **Decision.** Sweep rates at every small size, fit a law that reads them, and forecast tuned
# runs. A law that was never shown a second rate cannot know that it is in the trap: its
# interval is narrow and its answer wrong.
