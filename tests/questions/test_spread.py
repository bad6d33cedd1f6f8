"""Where the spread comes from: each part on draws made so that it is known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from bayes_scaling.questions.spread import PARTS, spread_shares
from tests.synthetic import synthetic_ensemble, synthetic_fit

COUNT = 40_000
MEMBER = np.repeat([0, 1], COUNT)
RNG = np.random.default_rng(3)


def normal(sd: float) -> NDArray[np.float64]:
    return sd * RNG.standard_normal((2 * COUNT, 1))


def shares(
    form: float = 0.0,
    drift: float = 0.0,
    parameters: float = 0.0,
    noise: float = 0.0,
    weights: tuple[float, float] = (0.5, 0.5),
) -> dict[str, float]:
    """Split draws whose parts have these standard deviations (`form`: half the distance)."""
    centre = 1.0 + form * np.where(MEMBER == 0, -1.0, 1.0)[:, None] + normal(parameters)
    law = np.exp(centre + normal(drift))
    found = spread_shares(
        law,
        member=MEMBER,
        weights=weights,
        redrawn=np.exp(centre + normal(drift)) if drift else None,
        new_run=law * np.exp(normal(noise)) if noise else None,
    )
    assert tuple(found) == PARTS
    assert sum(share[0] for share in found.values()) == pytest.approx(1.0)
    return {name: float(share[0]) for name, share in found.items()}


@pytest.mark.parametrize(
    ("part", "found"),
    [
        ("form", shares(form=0.02)),
        ("drift", shares(drift=0.02)),
        ("parameters", shares(parameters=0.02)),
        ("noise", shares(noise=0.02)),
    ],
)
def test_what_alone_spreads_has_all_of_it(part: str, found: dict[str, float]) -> None:
    assert found[part] == pytest.approx(1.0, abs=0.01)


def test_four_parts_together() -> None:
    found = shares(form=0.04, drift=0.03, parameters=0.02, noise=0.01)
    wanted = {"form": 16 / 30, "drift": 9 / 30, "parameters": 4 / 30, "noise": 1 / 30}
    assert found == pytest.approx(wanted, abs=0.01)


def test_form_goes_by_the_weights() -> None:
    found = shares(form=0.02, parameters=0.02, weights=(0.9, 0.1))
    between = 4 * 0.9 * 0.1 * 0.02**2
    assert found["form"] == pytest.approx(between / (between + 0.02**2), abs=0.01)


def test_without_a_redraw_drift_counts_as_parameters() -> None:
    centre = normal(0.03) + normal(0.04)
    found = spread_shares(np.exp(centre), member=MEMBER, weights=(0.5, 0.5))
    assert found["drift"][0] == 0
    assert found["parameters"][0] == pytest.approx(1.0, abs=1e-3)


def test_heavy_tails_of_the_noise_do_not_hide_the_rest() -> None:
    law = np.exp(normal(0.02))
    heavy = law * np.exp(0.01 * RNG.standard_t(1.2, size=law.shape))
    found = spread_shares(law, member=MEMBER, weights=(0.5, 0.5), new_run=heavy)
    ratio = np.quantile(RNG.standard_t(1.2, size=400_000), 0.95) / 1.645
    wanted = (0.01 * ratio) ** 2
    assert found["noise"][0] == pytest.approx(wanted / (wanted + 0.02**2), rel=0.1)


def test_nothing_spreads_and_what_is_not_finite() -> None:
    still = spread_shares(np.ones((8, 1)), member=np.zeros(8, np.int64), weights=(1.0,))
    assert [float(share[0]) for share in still.values()] == [0, 0, 0, 1]
    broken = np.full((8, 2), 2.0)
    broken[:, 1] = np.linspace(1, 2, 8)
    broken[3, 0] = np.nan
    found = spread_shares(broken, member=np.zeros(8, np.int64), weights=(1.0,))
    assert np.isnan(found["form"][0])
    assert found["parameters"][1] == pytest.approx(1.0)


def test_the_error_of_the_form_is_form_and_not_parameters() -> None:
    law = np.exp(normal(0.03) + normal(0.04))
    found = spread_shares(law, member=MEMBER, weights=(0.5, 0.5), form_variance=np.array([0.04**2]))
    assert found["form"][0] == pytest.approx(16 / 25, abs=0.02)
    assert found["parameters"][0] == pytest.approx(9 / 25, abs=0.02)
    most = spread_shares(law, member=MEMBER, weights=(0.5, 0.5), form_variance=1.0)
    assert most["form"][0] == pytest.approx(1.0)
    assert most["parameters"][0] == pytest.approx(0.0)


def test_an_ensemble_mixes_drift_and_error_of_the_form_by_weight() -> None:
    """Of two members one drifts: its half of the drift, and both errors of the form, are there."""
    far = {"params": 7e10, "tokens": 1.4e12}
    both = synthetic_ensemble("coupled-tempered", "coupled-drift", spread=1e-5)
    alone = synthetic_ensemble("coupled-drift", spread=1e-5)
    mixed, own = both.forecast(far), alone.forecast(far)
    assert mixed.redrawn is not None
    still = mixed.member == 0
    np.testing.assert_array_equal(mixed.redrawn[still], mixed.noise_free[still])
    assert (mixed.redrawn[~still] != mixed.noise_free[~still]).all()
    assert 0 < mixed.spread["drift"][0] < own.spread["drift"][0]
    assert mixed.spread["form"][0] > 0
    inside = both.forecast({"params": 1e8, "tokens": 1e10})
    assert inside.spread["drift"][0] == pytest.approx(0.0, abs=1e-12)


def test_a_forecast_of_one_fit_has_no_form() -> None:
    found = synthetic_fit().forecast({"params": [1e9, 7e10], "tokens": [2e10, 1.4e12]})
    np.testing.assert_allclose(sum(found.spread.values()), [1, 1])
    assert (found.spread["form"] == 0).all()
    assert (found.spread["drift"] == 0).all()
    row = found.rows()[1]
    assert [row[f"spread_{part}"] for part in PARTS] == [
        float(share[1]) for share in found.spread.values()
    ]


def test_sharp_members_that_disagree_spread_by_form() -> None:
    found = synthetic_ensemble(spread=1e-6).forecast({"params": 1e12, "tokens": 1e10})
    logs = [np.log(found.noise_free[found.member == index, 0]).mean() for index in (0, 1)]
    deviation = np.log(found.draws / found.noise_free)[:, 0]
    parts = [((logs[1] - logs[0]) / 2) ** 2]
    for index in (0, 1):
        lower, upper = np.quantile(deviation[found.member == index], (0.05, 0.95))
        parts.append(((upper - lower) / 2 / 1.6449) ** 2 / 2)
    assert found.spread["form"][0] == pytest.approx(parts[0] / sum(parts), rel=1e-3)
