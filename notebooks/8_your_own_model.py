# %% [markdown]
# # 8. Write your own model
#
# **Question.** Our runs differ in depth, and we think that shape matters. How do we say so?
#
# A model is a TOML file: a formula, priors, and what is pooled. A user's file has the same
# standing as a shipped one.

# %%
from pathlib import Path
from tempfile import mkdtemp

import bayes_scaling as bs
from bayes_scaling.laws import load_model
from settings import QUICK

TEXT = """
id = "aspect"
title = "coupled law, with a price for shapes away from a best width over depth"
base = "coupled"
formula = "base * exp(price * (log(width / depth) - log(best)) ** 2)"
extra_inputs = ["width", "depth"]
references = ["this notebook"]

[parameters.price]
prior = { dist = "HalfNormal", sigma = 0.05 }
about = "relative loss per squared e-fold of width over depth away from the best"

[parameters.best]
prior = { dist = "LogNormal", mu = 3.0, sigma = 1.0 }
about = "best width over depth"
"""
path = Path(mkdtemp()) / "aspect.toml"
path.write_text(TEXT)
model = load_model(str(path))
print(model)

# %% [markdown]
# Errors name what is wrong and what is near:

# %%
try:
    load_model(
        {
            "id": "typo",
            "formula": "E + a * params ** -alhpa",
            "parameters": {
                name: {"prior": {"dist": "LogNormal", "mu": 0.0, "sigma": 1.0}}
                for name in ("E", "a", "alpha")
            },
        }
    )
except bs.InputError as error:
    print(error)

# %% [markdown]
# What do the priors mean in losses? Look before sampling.

# %%
runs = bs.best_of_cells(bs.load_dataset("nano-lm"))
bs.prior_predictive(model, runs, random_seed=1).table.head()

# %%
fit = bs.fit(model, runs, **QUICK)
fit.summary().loc[["price", "best"]].round(3)

# %% [markdown]
# Does it foretell larger runs better than the law without it? The data decide, by leave-one-out
# and by forecasts of runs that were held out.

# %%
result = bs.backtest(
    runs, models=model, fit_where="flops <= 1.02e12", target_where="flops > 1.02e12", **QUICK
)
plain = bs.backtest(
    runs, models="coupled", fit_where="flops <= 1.02e12", target_where="flops > 1.02e12", **QUICK
)
for name, found in (("aspect", result), ("coupled", plain)):
    scores = found.overall
    print(
        f"{name:8s} error {scores.mare:.3f}, in 90 % {scores.coverage90:.2f}, "
        f"interval score {scores.interval_score90:.3f}"
    )

# %% [markdown]
# A PyMC user can take over at any point: `model.build(runs)` is the `pm.Model`, `fit.tree` the
# DataTree of ArviZ.

# %%
model.build(runs).basic_RVs[:4]

# %% [markdown]
# **Decision.** Keep a term when the backtest says so, not because its interval excludes zero: a
# term that explains the small runs can still spoil the forecast.
