# %% [markdown]
# # 11. Will it score?
#
# **Question.** Loss is not what is sold. Small runs were scored on three tasks: how many of the
# next bytes they get right, how many answers of eight bytes as a whole, and how often they tell
# which of four texts a line follows. What will larger runs score, which shape should they have, and
# does anything jump?

# %%
import numpy as np

import bayes_scaling as bs
from settings import QUICK

sweep = bs.load_dataset("nano-scores")
small, large = bs.select_rows(sweep, "budget < 5e11"), bs.select_rows(sweep, "budget > 2e12")
small.frame.pivot_table(index="budget", columns="metric", values="score")

# %% [markdown]
# Two fits: the loss in params and tokens, which each run has once, and the scores in the loss, with
# the tasks as groups. Together they answer as one, with the uncertainty of both. Asked are four
# runs of ten and thirty times the compute of the largest, to tell which of four texts a line
# follows: guessing scores .25.

# %%
loss = bs.fit(small, **QUICK)
scores = bs.fit(small, bs.load_model("downstream-sigmoid").pooled_by("metric"), **QUICK)
came = large.take(large["metric"] == "matched-line")
sizes = {name: came[name] for name in ("params", "tokens")}
said = bs.two_steps(loss, scores).forecast({**sizes, "metric": "matched-line"})
columns = ["budget", "new_run_score", "new_run_score_lower", "new_run_score_upper"]
said.table.assign(budget=came["budget"])[columns].assign(came=came["score"])

# %%
bs.plot.plot_score(scores, family="matched-line")

# %% [markdown]
# **Which shape?** At each of three budgets six depths were trained with equally many params. A law
# of scores may read the shape beside the loss: of two models of one loss the deeper may do better.
# Below 0, the log odds of an error fall with width per layer; above 0 the deep ones score better.

# %%
shapes = bs.select_rows(sweep, "purpose == 'shape'")
shape_loss = bs.fit(shapes, "coupled+aspect", **QUICK)
law = bs.load_model("downstream-sigmoid+score-shape").pooled_by("metric")
shape_scores = bs.fit(shapes, law, **QUICK)
ends = np.quantile(shape_scores.flat["t_A"], (0.05, 0.5, 0.95), axis=0)
dict(zip(shape_scores.groups, ends.T.round(3).tolist(), strict=True))

# %%
layers = {"depth": [12, 4, 1], "width": [32, 54, 108]}
bytes_only = bs.Layout(vocabulary=256, tied=True)
by_loss = shape_loss.rank_shapes(layers, flops=1e12, layout=bytes_only)
by_loss

# %%
both = bs.two_steps(shape_loss, shape_scores)
by_score = both.rank_shapes(layers, flops=1e12, layout=bytes_only, family="matched-line")
by_score

# %%
by_loss.differ(by_score)[0]

# %% [markdown]
# **Does it jump?** The best run of each budget up to 1e12, under two metrics of the same answers:
# bytes that are right one by one, and eight of them at once. Asked is ten times as much compute.

# %%
bytes_right = sweep.take(sweep["metric"] == "next-byte").frame
best = bytes_right.loc[bytes_right.groupby("budget")["loss"].idxmin(), "run"]
frontier = sweep.take(np.isin(sweep["run"], best.to_list()) & (sweep["budget"] < 2e12))
smooth, sharp = (
    bs.fit(frontier.take(frontier["metric"] == task), ["score-c", "emergence"], **QUICK)
    for task in ("next-byte", "eight-bytes")
)
sharp.accept_unconverged().emergence(1e13, beside=smooth.accept_unconverged())

# %% [markdown]
# **Decision.** Scores can be promised, with their intervals: those of the larger runs came where
# they were said. For a task that needs the text before a line, build deeper than the loss alone
# would: twelve layers, behind by the loss, are probably ahead by that score, and were. Answers of
# eight bytes are all but flat in the small runs, .06 to .09; they came .15 at 1e13, inside what was
# said. The share of right bytes rises from the start and says what is coming: watch that one.
