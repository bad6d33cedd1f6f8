# %% [markdown]
# # 4. Families: what other corpora say about yours
#
# **Question.** There are plenty of runs on five corpora, and four on the one that matters. Can
# those say more together with the others, and what of a corpus without any?

# %% [markdown]
# The data here are simulated, so the truth is known: exponents of corpora scatter around .34
# and .31.

# %%
import numpy as np

import bayes_scaling as bs
from bayes_scaling.figures import plot_exponents
from bayes_scaling.runs import RunTable
from settings import QUICK

rng = np.random.default_rng(7)
CORPORA = {
    "web": (12, 1.70),
    "books": (12, 1.85),
    "code": (12, 1.05),
    "talk": (12, 1.60),
    "papers": (12, 1.45),
    "ours": (4, 1.55),
}
alphas = {name: 0.34 * np.exp(0.06 * rng.standard_normal()) for name in CORPORA}
betas = {name: 0.31 * np.exp(0.06 * rng.standard_normal()) for name in CORPORA}


def law(name: str, n: np.ndarray, d: np.ndarray) -> np.ndarray:
    level = CORPORA[name][1]
    return level + 0.5 * (n / 1e8) ** -alphas[name] + 0.45 * (d / 2e9) ** -betas[name]


columns: dict[str, list] = {"family": [], "params": [], "tokens": [], "loss": []}
for name, (count, _) in CORPORA.items():
    flops = np.geomspace(1e18, 6e19, count)
    n = np.sqrt(flops / 6 / np.exp(rng.uniform(np.log(3), np.log(100), count)))
    d = flops / 6 / n
    columns["family"] += [name] * count
    columns["params"] += n.tolist()
    columns["tokens"] += d.tolist()
    columns["loss"] += (law(name, n, d) * np.exp(0.003 * rng.standard_normal(count))).tolist()
runs = RunTable.from_columns(columns)
runs

# %% [markdown]
# All in one fit: each corpus has its own level of loss, exponents are drawn from a population.

# %%
pooled = bs.fit("chinchilla", runs, **QUICK)
plot_exponents(pooled)

# %%
ASKED = {"params": 1e10, "tokens": 2e11}
truth = float(law("ours", np.array(ASKED["params"]), np.array(ASKED["tokens"])))


def told(fit: bs.Fit, **more: str) -> str:
    row = fit.accept_unconverged().forecast({**ASKED, **more}).rows()[0]
    return f"{row['new_run']:.3f} [{row['new_run_lower']:.3f}, {row['new_run_upper']:.3f}]"


alone = bs.fit("chinchilla", runs.take(runs["family"] == "ours"), **QUICK)
print(f"truth of ours           {truth:.3f}")
print(f"four runs by themselves  {told(alone)}")
print(f"with the other corpora   {told(pooled, family='ours')}")

# %% [markdown]
# And for a corpus without a single run, drawn from the population:

# %%
print(f"a new corpus            {told(pooled.with_new_group('new'), family='new')}")

# %% [markdown]
# **Decision.** Fit families together, and keep their levels apart: the exponents are borrowed
# as far as corpora are alike, and the interval of ours is the narrower for it, never by
# assumption. A corpus without runs stays wide open, mostly in its level: one cheap run there is
# worth more than ten elsewhere.
