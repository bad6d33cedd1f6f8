"""Scores against hand computation and against the shared definition where it is there."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from scipy import stats

from bayes_scaling import scores
from bayes_scaling.errors import InputError


@pytest.fixture
def shared(checkout: Path) -> ModuleType:
    """Load the benchmark's own definition, or skip where there is none."""
    default = checkout.parent / "shared" / "bench"
    path = Path(os.environ.get("BAYES_SCALING_BENCH", default)) / "score.py"
    if not path.is_file():
        pytest.skip(f"no {path}")
    spec = importlib.util.spec_from_file_location("shared_score", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


LINE = np.linspace(0, 1, 101)
"""Draws whose quantile at p is p, for each target shifted and scaled below."""


def test_one_target_by_hand() -> None:
    """Forecast uniform on [2, 3], observed 2: below every quantile."""
    found = scores.score(2 + LINE[:, None], [2.0])
    assert found["mare"] == pytest.approx(0.25)
    assert found["bias"] == pytest.approx(0.25)
    assert found["rmsle"] == pytest.approx(np.log(1.25))
    assert found["coverage50"] == 0
    assert found["coverage90"] == 0
    assert found["width90"] == pytest.approx(0.45)
    assert found["interval_score90"] == pytest.approx((0.9 + 20 * 0.05) / 2)
    # Pinball at level t is (1 - t) t here: over the levels its mean is .5 - mean of t squared.
    assert found["crps"] == pytest.approx(2 * np.mean(scores.LEVELS * (1 - scores.LEVELS)) / 2)


def test_targets_are_averaged_and_signed_errors_cancel() -> None:
    draws = np.array([3.5, 4.5]) + LINE[:, None]
    found = scores.score(draws, [5.0, 4.0])  # medians 4 and 5
    assert found["mare"] == pytest.approx((0.2 + 0.25) / 2)
    assert found["bias"] == pytest.approx((-0.2 + 0.25) / 2)
    assert found["rmsle"] == pytest.approx(np.log(1.25))


def test_ends_of_an_interval_are_inside() -> None:
    q = np.repeat(scores.LEVELS[:, None] + 1, 4, axis=1)
    found = scores.score_quantiles(q, [q[9, 0], q[29, 0], q[1, 0], q[37, 0]])
    assert found["coverage50"] == 0.5
    assert found["coverage90"] == 1.0


def test_coverage_at_every_level() -> None:
    """Observed at the quantiles .5, .6 and .9: inside from nominal 5, 20 and 80 % on."""
    q = scores.quantiles_at_levels(1 + np.repeat(LINE[:, None], 3, axis=1))
    found = scores.coverage(q, [1.5, 1.595, 1.895])
    nominal = np.linspace(0.05, 0.95, 19)
    assert scores.NOMINAL == pytest.approx(nominal)
    inside = (nominal > 0) + (nominal > 0.195).astype(int) + (nominal > 0.795)
    assert found == pytest.approx(inside / 3)


def test_coverage_agrees_with_the_scores() -> None:
    rng = np.random.default_rng(0)
    observed = rng.uniform(1, 4, 40)
    draws = observed * np.exp(0.1 * rng.standard_normal((200, 40)) + 0.1 * rng.standard_normal(40))
    found = scores.score(draws, observed)
    at = scores.coverage(scores.quantiles_at_levels(draws), observed)
    assert at[9] == found["coverage50"]
    assert at[17] == found["coverage90"]
    assert (np.diff(at) >= 0).all()


def test_pit_counts_half_of_the_ties() -> None:
    draws = np.array([1.0, 2.0, 2.0, 3.0])[:, None].repeat(4, axis=1)
    assert scores.pit(draws, [0.5, 2.0, 2.5, 3.5]) == pytest.approx([0, 0.5, 0.75, 1])


def test_log_density_of_a_mixture() -> None:
    """Two draws of a normal law on the log of the loss, turned into loss units."""
    observed, centre = np.array([2.0, 3.0]), np.log([[2.0, 2.9], [2.2, 3.3]])
    per_draw = stats.norm.logpdf(np.log(observed), centre, 0.1) - np.log(observed)
    wanted = np.log(stats.lognorm.pdf(observed, 0.1, scale=np.exp(centre)).mean(axis=0))
    assert scores.log_density(per_draw) == pytest.approx(wanted)


def test_log_density_neither_overflows_nor_underflows() -> None:
    assert scores.log_density([[-2000.0], [-2000.0]]) == pytest.approx([-2000])
    assert scores.log_density([[2000.0], [-np.inf]]) == pytest.approx([2000 - np.log(2)])
    assert scores.log_density([[-np.inf], [-np.inf]]) == [-np.inf]


@pytest.mark.parametrize(
    ("draws", "observed", "messages"),
    [
        (np.ones((5, 2)), [1.0], [r"must be \(n_draws, 1\), got shape \(5, 2\)"]),
        (np.ones(5), [1.0], ["got shape"]),
        (np.ones((0, 1)), [1.0], ["got shape"]),
        (np.full((5, 1), np.nan), [np.nan], ["5 values are not", "positive and finite"]),
        (np.ones((5, 1)), [-1.0], ["positive and finite"]),
        (np.ones((5, 0)), [], ["observed must be"]),
    ],
)
def test_what_cannot_be_scored(draws: object, observed: object, messages: list[str]) -> None:
    with pytest.raises(InputError, match=messages[0]) as caught:
        scores.score(np.asarray(draws), np.asarray(observed))
    assert len(caught.value.problems) == len(messages)
    assert all(any(text[:8] in each for each in caught.value.problems) for text in messages[1:])


def test_quantiles_must_be_at_the_levels() -> None:
    with pytest.raises(InputError, match=r"quantiles must be \(39, 2\), got shape \(3, 2\)"):
        scores.score_quantiles(np.ones((3, 2)), [1.0, 1.0])
    with pytest.raises(InputError, match="log densities"):
        scores.log_density([1.0, 2.0])


@pytest.mark.parametrize("seed", range(3))
def test_the_shared_definition_gives_the_same(shared: ModuleType, seed: int) -> None:
    rng = np.random.default_rng(seed)
    observed = rng.uniform(1, 4, 9)
    noise = rng.standard_normal((301, 9)) + rng.standard_normal(9)
    draws = observed * np.exp(0.05 * noise)
    wanted = shared.score(draws, observed)
    found = scores.score(draws, observed)
    assert tuple(wanted) == scores.COLUMNS == tuple(found)
    assert found == pytest.approx(wanted, rel=1e-12)
    assert pytest.approx(shared.LEVELS) == scores.LEVELS
