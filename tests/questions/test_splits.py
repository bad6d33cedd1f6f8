"""The one split that is chosen for all draws: where the closed form puts it."""

from __future__ import annotations

import numpy as np
import pytest

from bayes_scaling.questions.splits import expected_split
from bayes_scaling.questions.surface import surface
from tests.synthetic import synthetic_fit

FLOPS = 1e22
FIT = synthetic_fit(spread=1e-4)


def test_the_chosen_split_is_that_of_the_law_and_not_the_other_way_round() -> None:
    chosen = expected_split(surface(FIT), FLOPS)
    p = {name: float(np.median(values)) for name, values in FIT.flat.items()}
    u, v = (np.log(FIT.references[f"{name}_ref"]) for name in ("params", "tokens"))
    ahead = np.log(p["a"] * p["alpha"]) - np.log(p["b"] * p["beta"])
    at = ahead + p["alpha"] * u + p["beta"] * (np.log(FLOPS / 6) - v)
    params = float(np.exp(at / (p["alpha"] + p["beta"])))
    assert abs(np.log(params**2 * 6 / FLOPS)) > 0.3  # so that the other way round is another
    assert chosen.params == pytest.approx(params, rel=0.02)
    assert chosen.tokens == pytest.approx(FLOPS / 6 / params, rel=0.02)
    assert chosen.flat[0] < chosen.params < chosen.flat[1]


def test_the_chosen_split_has_the_least_mean_loss() -> None:
    fit = synthetic_fit(spread=0.1)
    law = surface(fit)
    chosen = expected_split(law, FLOPS)
    for factor in (0.5, 2.0):
        other = {
            "params": np.array(factor * chosen.params),
            "tokens": np.array(chosen.tokens / factor),
        }
        assert law.at(other, law.draws).mean() > chosen.loss.mean()
