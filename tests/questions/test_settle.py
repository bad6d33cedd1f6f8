"""Runs that settle a duel: what they would teach, and how probably a verdict follows."""

from __future__ import annotations

import numpy as np
import pytest

from bayes_scaling.errors import InputError
from bayes_scaling.facade import Fit
from bayes_scaling.questions.settle import DECIDED
from tests.questions.test_duel import twins
from tests.synthetic import PLAIN, changed, synthetic_fit


def undecided() -> Fit:
    """A fit of two groups whose levels are known to some per cent, each by itself."""
    fit = twins(1.02, draws=100)
    rng = np.random.default_rng(3)
    kept = {name: values.copy() for name, values in fit.draws.items()}
    for name in ("a", "b"):
        kept[name] = kept[name] * np.exp(0.02 * rng.standard_normal(kept[name].shape))
    return changed(fit, draws=kept)


def test_runs_of_both_groups_make_a_verdict_more_probable() -> None:
    found = undecided().settle("base", "variant0", flops=1e22, budget=3e21)
    assert found.duel.verdict("variant0") == "undecided"
    rows = found.rows()
    assert {row["family"] for row in rows} == {"base", "variant0"}
    assert rows[-1]["spent"] <= 3e21
    widths = [row["sd_log_multiplier"] for row in rows]
    assert widths == sorted(widths, reverse=True)
    chances = found.chances
    assert chances[0] == pytest.approx(0.0, abs=1e-9)
    assert chances[-1] > chances[1]
    assert "verdict after it" in str(found.page())


def test_it_says_how_many_are_enough_or_that_none_are() -> None:
    little = undecided().settle("base", "variant0", flops=1e22, budget=2e18)
    assert little.enough is None
    assert "only" in str(little.page())
    sure = twins(1.5, draws=100).settle("base", "variant0", flops=1e22, budget=1e21)
    assert sure.chances[0] >= DECIDED
    assert sure.enough == 0
    assert sure.about["flops_enough"] == 0.0


def test_the_chance_of_a_verdict_is_that_of_simulated_means() -> None:
    found = undecided().settle("base", "variant0", flops=1e22, budget=1e21)
    logs = np.log(found.duel.multiplier["variant0"][:, -1])
    before, after = found.bench.after(found.chosen)[[0, -1]]
    rng = np.random.default_rng(0)
    means = logs.mean() + np.sqrt(before**2 - after**2) * rng.standard_normal(200_000)
    decided = np.mean(np.abs(means) / after >= 1.6449)
    assert found.chances[-1] == pytest.approx(decided, abs=0.005)


def test_what_cannot_be_asked_is_said() -> None:
    fit = synthetic_fit(PLAIN, families=("base", "variant"), draws=50)
    with pytest.raises(InputError, match="pays for none of"):
        fit.settle("base", "variant", flops=1e22, budget=1e3)
    with pytest.raises(InputError, match="a compute above 0"):
        fit.settle("base", "variant", flops=1e22, budget=0.0)
