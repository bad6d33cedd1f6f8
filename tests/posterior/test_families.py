"""Families with few runs, or none, learn from the others; two levels; rows of one run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.facade import Fit
from bayes_scaling.runs import RunTable

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::UserWarning")]

SETTINGS: dict[str, Any] = {"draws": 1000, "tune": 800, "chains": 2, "random_seed": 3}
ALPHA = {
    "code/a": 0.30,
    "code/b": 0.32,
    "code/c": 0.31,
    "web/a": 0.40,
    "web/b": 0.42,
    "web/c": 0.41,
}
LARGE = {"params": 3e9, "tokens": 6e10}


def loss(cell: str, params: Any, tokens: Any) -> Any:
    level = 1.5 + 0.1 * list(ALPHA).index(cell)
    return level + (np.asarray(params) / 2e6) ** -ALPHA[cell] + (np.asarray(tokens) / 4e7) ** -0.35


def table(runs: dict[str, int], *, noise: float = 0.004) -> RunTable:
    """Runs of cells corpus/family; the largest runs come last."""
    rng = np.random.default_rng(11)
    rows = [
        (cell, *np.exp(rng.uniform(np.log((1e7, 2e8)), np.log((4e8, 1e10)))))
        for cell, count in runs.items()
        for _ in range(count)
    ]
    cells, params, tokens = (np.array(column) for column in zip(*rows, strict=True))
    losses = [loss(cell, n, d) for cell, n, d in zip(cells, params, tokens, strict=True)]
    return RunTable.from_columns(
        {
            "run": [f"run-{index}" for index in range(len(rows))],
            "corpus": [cell.split("/")[0] for cell in cells],
            "family": [cell.split("/")[1] for cell in cells],
            "cell": cells,
            "params": params,
            "tokens": tokens,
            "loss": np.array(losses) * np.exp(noise * rng.standard_normal(len(rows))),
        }
    )


@pytest.fixture(scope="module")
def few() -> Fit:
    """Three families of 16 runs and one of two."""
    runs = table({"web/a": 16, "web/b": 16, "web/c": 16, "code/c": 2})
    return bs.fit(bs.load_model("chinchilla").pooled_by("cell"), runs, **SETTINGS)


def test_a_family_of_two_runs_borrows_exponents(few: Fit) -> None:
    assert few.status == "converged"
    alone = bs.fit("chinchilla", few.runs.take(few.runs.labels("cell") == "code/c"), **SETTINGS)
    small = few.groups.index("code/c")
    width = np.std(np.log(few.flat["alpha"][:, small]))
    assert width < 0.7 * np.std(np.log(alone.flat["alpha"]))
    true = float(loss("code/c", LARGE["params"], LARGE["tokens"]))
    own = few.forecast({**LARGE, "cell": "code/c"}).table.iloc[0]
    by_itself = alone.accept_unconverged().forecast(LARGE).table.iloc[0]
    assert own.new_run_lower < true < own.new_run_upper
    assert own.new_run_upper - own.new_run_lower < by_itself.new_run_upper - by_itself.new_run_lower


def test_a_family_without_runs_has_the_exponents_of_the_population(few: Fit) -> None:
    new = few.with_new_group("code/new")
    drawn = new.flat["alpha"][:, -1]
    prior = few.model.parameter("alpha").prior
    low, high = np.quantile(drawn, [0.05, 0.95])
    wide_low, wide_high = prior.quantile([0.05, 0.95])
    assert np.log(high / low) < 0.6 * np.log(wide_high / wide_low)
    assert low < 0.41 < high
    ratio = new.forecast({**LARGE, "cell": "code/new"}).noise_free
    start = new.forecast({"params": 3e8, "tokens": 6e9, "cell": "code/new"}).noise_free
    assert np.std(np.log(ratio / start)) < 0.3 * np.std(np.log(ratio))


def test_two_levels_recover_the_exponents_of_corpora_and_families() -> None:
    runs = table(dict.fromkeys(("code/a", "code/b", "web/a", "web/b"), 12))
    found = bs.fit(bs.load_model("chinchilla").pooled_by("corpus", "family"), runs, **SETTINGS)
    assert found.status == "converged"
    assert found.groups == ("code/a", "code/b", "web/a", "web/b")
    # Families lean on each other, so their intervals miss together: all of them are asked at 99 %.
    low, high = np.quantile(found.flat["alpha"], [0.005, 0.995], axis=0)
    truth = np.array([ALPHA[cell] for cell in found.groups])
    assert ((low < truth) & (truth < high)).all()
    new = found.with_new_group({"corpus": "web", "family": "new"})
    level = np.log(found.flat["alpha_corpus"][:, 2])
    drawn = np.log(new.flat["alpha"][:, -1])
    assert np.corrcoef(level, drawn)[0, 1] > 0.3, "a known corpus lends its level"
    assert np.mean(drawn - level) == pytest.approx(0.0, abs=0.02)
    assert np.std(drawn) > np.std(level), "and a family lies somewhere around it"
    table_of = new.forecast({**LARGE, "corpus": "web", "family": "new"}).table
    assert table_of.iloc[0]["corpus/family"] == "web/new"


def test_rows_of_one_run_do_not_count_as_many_runs() -> None:
    rng = np.random.default_rng(5)
    runs = table({"web/a": 60}, noise=0.0)
    places = np.linspace(0.4, 1.0, 8)
    shift = np.repeat(0.01 * rng.standard_normal(60), places.size)
    tokens = (runs["tokens"][:, None] * places).ravel()
    params = np.repeat(runs["params"], places.size)
    losses = loss("web/a", params, tokens) * np.exp(shift + 0.002 * rng.standard_normal(shift.size))
    curves = RunTable.from_columns(
        {
            "run": np.repeat(runs.labels("run"), places.size).tolist(),
            "params": params,
            "tokens": tokens,
            "loss": losses,
        }
    )
    shared = bs.fit("chinchilla", curves, **SETTINGS)
    apart = bs.fit("chinchilla", curves, run_effect=False, **SETTINGS)
    assert shared.status == "converged"
    assert shared.model.run_effect.on
    low, high = np.quantile(shared.flat["sigma_run"], [0.05, 0.95])
    assert low < 0.01 < high
    # The level of all runs is known no better than 60 of them say.
    assert np.std(np.log(shared.flat["c"])) > 1.5 * np.std(np.log(apart.flat["c"]))
    assert any(check.name == "run effect" for check in shared.checks)
