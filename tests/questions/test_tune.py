"""How to tune a run: best rates by hand, the cost of others, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import InputError, UnconvergedError
from bayes_scaling.facade import Fit
from tests.synthetic import UNCONVERGED, changed, synthetic_ensemble, synthetic_fit

FIT = synthetic_fit("chinchilla-lr")
SIZES = ([1e9, 1e10], [2e10, 2e11])
"""Params, and tokens."""


def with_batches(fit: Fit) -> Fit:
    """Return a fit of the valley in rate and batch, around the same values."""
    model = bs.load_model("chinchilla+lr-batch-valley")
    shape = fit.draws["h"].shape
    values = {"batch_best": 4e5, "r_N": 0.0, "r_D": 0.5, "tilt": 0.4, "h_B": 0.01}
    draws = {**fit.draws, **{name: np.full(shape, value) for name, value in values.items()}}
    batches = np.geomspace(1e5, 4e6, len(fit.runs))
    runs = bs.RunTable(columns={**fit.runs.columns, "batch_size": batches})
    hashes = {"model_hash": model.content_hash, "runs_hash": runs.content_hash}
    provenance = {**fit.provenance, **hashes}
    return changed(fit, model=model, draws=draws, runs=runs, provenance=provenance)


BATCHES = with_batches(FIT)


def test_the_best_rate_is_that_of_every_draw() -> None:
    found = FIT.tune(*SIZES)
    flat, refs = FIT.flat, FIT.references
    for index in range(2):
        n = SIZES[0][index] / refs["params_ref"]
        d = SIZES[1][index] / refs["tokens_ref"]
        best = flat["lr_best"] * n ** flat["s_N"] * d ** flat["s_D"]
        np.testing.assert_allclose(found.best["learning_rate"][:, index], best)
    rows = found.rows()
    assert rows[0]["best_learning_rate_lower"] < rows[0]["learning_rate"]
    assert rows[0]["learning_rate"] < rows[0]["best_learning_rate_upper"]


def test_a_penalty_is_the_valley_at_that_factor() -> None:
    found = FIT.tune(1e9, 2e10)
    rate = found.recommended["learning_rate"][0]
    row = next(row for row in found.penalties if row["factor"] == 4.0)
    assert row["learning_rate"] == pytest.approx(4 * rate)
    flat = FIT.flat
    off = np.log(4 * rate / found.best["learning_rate"][:, 0]) / flat["flank"]
    cost = np.exp(flat["h"] * flat["flank"] ** 2 * (np.sqrt(1 + off**2) - 1)) - 1
    assert row["penalty"] == pytest.approx(np.median(cost))
    assert row["penalty_lower"] == pytest.approx(np.quantile(cost, 0.05))


def test_the_recommended_rate_costs_least_on_average() -> None:
    found = FIT.tune(1e9, 2e10)
    rate = float(found.recommended["learning_rate"][0])
    (excess,) = found.excess
    least = excess({"learning_rate": rate}).mean()
    assert found.rows()[0]["expected_regret"] == pytest.approx(least)
    assert (found.regret >= -1e-12).all()
    for factor in (0.8, 0.9, 1.1, 1.25):
        assert excess({"learning_rate": factor * rate}).mean() > least


def test_rate_and_batch_are_found_together_or_the_rate_of_a_batch() -> None:
    free = BATCHES.tune(1e9, 2e10)
    assert set(free.best) == {"learning_rate", "batch_size"}
    batch = float(np.median(free.best["batch_size"][:, 0]))
    given = BATCHES.tune(1e9, 2e10, batch_size=4 * batch)
    assert set(given.best) == {"learning_rate"}
    ratio = given.best["learning_rate"] / free.best["learning_rate"]
    np.testing.assert_allclose(ratio, (4 * batch / free.best["batch_size"]) ** 0.4)
    changed = {row["changed"] for row in free.penalties}
    assert changed == {"learning_rate", "batch_size"}
    costs = [row["penalty"] for row in free.penalties if row["changed"] == "batch_size"]
    assert costs[2] < costs[1] < costs[0]
    assert costs[3] < costs[4] < costs[5]


def test_what_nobody_swept_is_said() -> None:
    assert not FIT.tune(1e9, 2e10).warnings
    (warning,) = FIT.tune(1e15, 2e16).warnings
    assert "lies outside what the runs swept" in warning


def test_an_average_mixes_its_members() -> None:
    both = synthetic_ensemble("chinchilla-lr", "coupled+lr-valley")
    found = both.tune(1e9, 2e10)
    assert len(found.best["learning_rate"]) == sum(len(rows) for rows in both.rows)


def test_published_rules_stand_beside_the_answer() -> None:
    found = FIT.tune(1e9, 2e10)
    rules = {row["rule"]: row for row in found.rules}
    assert "li-2025" in rules
    step = rules["li-2025"]
    assert step["learning_rate"] == pytest.approx(1.79 * 1e9**-0.713 * 2e10**0.307)
    assert step["penalty"] > 0


@pytest.mark.parametrize(
    ("fit", "asked", "pattern"),
    [
        (synthetic_fit("chinchilla"), {}, "chinchilla\\+lr-valley"),
        (FIT, {"batch_size": 1e6}, "reads no batch_size"),
        (FIT, {"params": -1.0}, "must be positive"),
        (FIT, {"family": "mars"}, "mars"),
    ],
)
def test_what_cannot_be_asked_is_said(fit: Fit, asked: dict[str, float], pattern: str) -> None:
    with pytest.raises(InputError, match=pattern):
        fit.tune(**{"params": 1e9, "tokens": 2e10, **asked})  # type: ignore[arg-type]


def test_a_fit_that_did_not_converge_is_refused() -> None:
    with pytest.raises(UnconvergedError):
        changed(FIT, checks=UNCONVERGED).tune(1e9, 2e10)
