"""The study of default priors: moments over studies, leaving out, and the claims it checks."""

from __future__ import annotations

import numpy as np
import pytest

from bayes_scaling.laws import load_model
from bayes_scaling.laws.priors import Prior, read_prior
from tests.studies.population import (
    Estimate,
    by_study,
    line,
    natural,
    population,
    unbounded,
    verdict,
    width,
    within_studies,
)
from tests.studies.priors import WEAK, weak_model


def say(study: str, mean: float, var: float, size: float = 0.0) -> Estimate:
    return Estimate(study=study, group="", size=size, mean={"k": mean}, var={"k": var})


def test_a_study_of_many_sets_counts_once() -> None:
    found = by_study([say("a", 0.0, 0.1), say("a", 2.0, 0.3, size=4.0), say("b", 5.0, 0.2)])
    assert [each.study for each in found] == ["a", "b"]
    assert (found[0].mean["k"], found[0].size) == (1.0, 2.0)
    assert found[0].var["k"] == pytest.approx(0.1)


def test_spread_leaves_out_what_each_study_does_not_know() -> None:
    found = population([say("a", 1.0, 0.5), say("b", 2.0, 1.0), say("c", 6.0, 1.5)], "k")
    assert found.centre == 3.0
    assert found.spread == pytest.approx((7.0 - 1.0) ** 0.5)
    weights = 1 / (6.0 + np.array([0.5, 1.0, 1.5]))
    assert found.weighted == pytest.approx(weights @ [1.0, 2.0, 6.0] / weights.sum())
    assert found.without == {"a": 4.0, "b": 3.5, "c": 1.5}
    assert population([say("a", 1.0, 9.0), say("b", 2.0, 9.0)], "k").spread == 0


def test_moments_find_a_known_population() -> None:
    rng = np.random.default_rng(1)
    truth = rng.normal(-1.0, 0.3, 4000)
    studies = [
        say(f"{index}", value, 0.04)
        for index, value in enumerate(truth + rng.normal(0, 0.2, truth.size))
    ]
    found = population(studies, "k")
    assert found.centre == pytest.approx(-1.0, abs=0.03)
    assert found.spread == pytest.approx(0.3, rel=0.05)


def test_sets_scatter_within_their_study() -> None:
    sets = [say("a", 0.0, 0.5), say("a", 2.0, 0.5), say("b", 9.0, 0.1)]
    assert within_studies(sets, "k") == pytest.approx(1.5**0.5)
    assert np.isnan(within_studies(sets[1:], "k"))


@pytest.mark.parametrize(
    ("prior", "expected"),
    [
        (Prior(dist="LogNormal", args=(("mu", -0.7), ("sigma", 0.3))), (-0.7, 0.3)),
        (Prior(dist="Normal", args=(("mu", 0.5), ("sigma", 0.4))), (0.5, 0.4)),
        # The variance of the logit of a Beta(4, 4) is twice the trigamma function at 4.
        (
            Prior(dist="Beta", args=(("alpha", 4.0), ("beta", 4.0))),
            (0.0, (2 * 0.2838229557) ** 0.5),
        ),
    ],
)
def test_width_of_a_prior(prior: Prior, expected: tuple[float, float]) -> None:
    assert width(prior) == pytest.approx(expected, abs=2e-3)


def test_unbounded_scales() -> None:
    half = np.array([0.5])
    found = [unbounded(half, scale)[0] for scale in ("log", "logit", "identity")]
    assert found == pytest.approx([np.log(0.5), 0.0, 0.5])
    assert natural(np.log(0.25), "log") == pytest.approx(0.25)
    assert natural(np.log(3.0), "logit") == pytest.approx(0.75)


def test_a_claim_fails_where_one_study_decides() -> None:
    shipped = Prior(dist="Normal", args=(("mu", 0.0), ("sigma", 1.0)))
    level = verdict(shipped, population([say(name, 0.5, 0.0) for name in "abcd"], "k"))
    assert level["holds"]
    assert level["off"] == pytest.approx(-0.5, rel=1e-3)
    assert level["ratio"] == np.inf
    one = [say("a", 0.0, 0.0), say("b", 0.0, 0.0), say("c", 3.0, 0.0)]
    split = verdict(shipped, population(one, "k"))
    assert not split["holds"]
    assert split["by"] == "c"
    assert split["moved"] == pytest.approx(1.0, rel=1e-3)


def test_line_through_points_on_a_line() -> None:
    x = np.array([0.0, 1.0, 3.0, 8.0])
    assert line(x, 0.2 + 0.1 * x) == pytest.approx((0.2, 0.1, 0.0, 0.0), abs=1e-12)


def test_weak_priors_are_wider_than_those_that_ship() -> None:
    model, weak = load_model("coupled"), weak_model("coupled")
    assert weak.transient.on
    shipped = {item.name: item.prior for item in model.parameters}
    for name, given in WEAK.items():
        prior = read_prior(given, where=name)
        assert {item.name: item.prior for item in weak.parameters}[name] == prior
        assert width(prior)[1] > width(shipped[name])[1]
