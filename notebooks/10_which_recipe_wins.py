# %% [markdown]
# # 10. Which recipe wins?
#
# **Question.** The recipe has a weight decay of 0.1. Two variants were tried on small runs: 0.01,
# and 1.0. Which of the three should the large run have, by how much compute is it better, and how
# sure is that?

# %%
import numpy as np

import bayes_scaling as bs
from settings import QUICK

sweep = bs.load_dataset("nano-decay")
arms = {0.01: "low decay", 0.1: "baseline", 1.0: "high decay"}
taken = bs.select_rows(sweep, "weight_decay == 0.01 or weight_decay == 0.1 or weight_decay == 1.0")
recipe = np.array([arms[each] for each in taken["weight_decay"]])
named = bs.RunTable(columns={**taken.columns, "family": recipe}, notes=taken.notes)
runs = bs.best_of_cells(named)
runs.frame.pivot_table(index="budget", columns="family", values="loss")

# %% [markdown]
# The largest budget stands for the large run: it is kept away, and the duel is fought on the four
# smaller ones. Variants share one law and what no model could foresee of the text; they differ by
# what they take off the rest of the loss, and by a little in exponents, as the runs make them.

# %%
small, large = bs.select_rows(runs, "flops < 1e11"), bs.select_rows(runs, "flops > 1e11")
target = float(large["flops"].max())
duel = bs.duel(small, a="baseline", flops=[2e10, target], **QUICK)
duel

# %%
bs.plot.plot_duel(duel)

# %% [markdown]
# The compute multiplier is what the baseline has to spend for the loss of a variant, over what
# the variant spends: above 1 the variant is better. What came at the largest budget:

# %%
large.frame.set_index("family")["loss"].sort_values()

# %% [markdown]
# **Decision.** Drop the high decay: it needs several times the compute for the same loss, and did
# at the largest budget too. Low decay and baseline cannot be told apart by these runs, nor did
# they differ there (0.07 %): the honest verdict is to go on with the baseline, or to ask
# `fit.settle` which further runs would tell.
