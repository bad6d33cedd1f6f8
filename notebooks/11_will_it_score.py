# %% [markdown]
# # 11. Will it score?
#
# **Question.** Loss is not what is sold. Small runs were scored on three tasks: how many of the
# next bytes they get right, how many answers of eight bytes as a whole, and how often they tell
# which text a line follows. What will a run of thirty times their compute score, which shape should
# it have, and will anything jump?

# %%
import numpy as np

import bayes_scaling as bs
from settings import QUICK

sweep = bs.load_dataset("nano-scores")
small, large = bs.select_rows(sweep, "budget < 5e11"), bs.select_rows(sweep, "budget > 2e12")
small.frame.pivot_table(index="budget", columns="metric", values="score")

# %% [markdown]
# Two fits: the loss in params and tokens, which each run has once, and the scores in the loss, with
# the tasks as groups. Together they answer as one, with the uncertainty of both.

# %%
loss = bs.fit(small, **QUICK)
tasks = bs.load_model("downstream-sigmoid").pooled_by("metric")
scores = bs.fit(small, tasks, **QUICK)
both = bs.two_steps(loss, scores)
target = large.take(large["metric"] == "matched-line")
asked = {name: target[name] for name in ("params", "tokens")}
both.forecast({**asked, "metric": "matched-line"})

# %% [markdown]
# What came:

# %%
target.frame[["params", "budget", "loss", "score"]]

# %%
bs.plot.plot_score(scores, family="matched-line")

# %% [markdown]
# **Which shape?** At one budget six depths were trained with equally many params. A law of scores
# may read the shape beside the loss, so that of two models of one loss the deeper may do better.

# %%
shapes = bs.select_rows(sweep, "purpose == 'shape'")
shape_loss = bs.fit(shapes, "coupled+aspect", **QUICK)
in_shape = bs.load_model("downstream-sigmoid+score-shape").pooled_by("metric")
shape_scores = bs.fit(shapes, in_shape, **QUICK)
shape_scores.summary.loc[["t_A"]] if "t_A" in shape_scores.summary.index else shape_scores.summary
