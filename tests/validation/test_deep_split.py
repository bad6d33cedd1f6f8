"""The deep split: which runs are fitted and scored, and the scores of draws."""

from __future__ import annotations

import numpy as np
import pytest

from bayes_scaling.laws import load_model
from bayes_scaling.runs import RunTable
from bayes_scaling.scores import score
from bayes_scaling.validation.deep_split import deep_split, describe, score_groups
from bayes_scaling.validation.split import Split
from tests.synthetic import synthetic_runs


def curve(sizes: np.ndarray, **more: np.ndarray) -> RunTable:
    return RunTable.from_columns({"tokens": sizes, "loss": 3 * (sizes / 1e8) ** -0.1, **more})


def test_the_lower_60_percent_are_fitted_and_the_upper_15_scored() -> None:
    runs = synthetic_runs(load_model("chinchilla"))  # four runs at each of 1e18, ..., 1e21
    split = deep_split(runs)
    assert isinstance(split, Split)
    assert set(split.fitted["flops"].round(-15)) == {1e18, 1e19}
    np.testing.assert_allclose(split.targets["flops"], 1e21)
    assert split.efolds.max() == pytest.approx(np.log(100))
    assert describe(split) == (
        "fitted on the 8 smallest runs, scored on the 4 largest, up to 100 times beyond them"
    )


def test_each_group_is_divided_by_its_own_range() -> None:
    sizes = np.r_[np.geomspace(1e6, 1e8, 11), np.geomspace(1e9, 1e12, 11)]
    split = deep_split(curve(sizes, family=np.repeat(["small", "large"], 11)))
    assert isinstance(split, Split)
    for label, last, first in (("small", 10**7.2, 10**7.7), ("large", 10**10.8, 10**11.55)):
        fitted = split.fitted.take(split.fitted.labels("family") == label)
        scored = split.targets.take(split.targets.labels("family") == label)
        assert fitted["tokens"].max() == pytest.approx(last, rel=1e-9)
        assert scored["tokens"].min() > first


@pytest.mark.parametrize(
    ("sizes", "reason"),
    [
        (np.geomspace(1e7, 1e9, 9), "5 runs lie in the lower 60%"),
        (np.full(20, 1e8), "0 runs lie in the lower 60%"),
    ],
)
def test_too_few_runs_are_not_divided_and_the_reason_is_told(
    sizes: np.ndarray, reason: str
) -> None:
    found = deep_split(curve(sizes, seed=np.arange(sizes.size)))
    assert isinstance(found, str)
    assert reason in found


def test_groups_count_the_same_however_many_runs_they_have() -> None:
    sizes = np.r_[np.geomspace(1e6, 1e8, 11), np.geomspace(1e9, 1e12, 41)]
    split = deep_split(curve(sizes, family=np.repeat(["few", "many"], [11, 41])))
    assert isinstance(split, Split)
    rng = np.random.default_rng(0)
    draws = split.observed * np.exp(0.1 * rng.standard_normal((400, split.observed.size)))
    labels = split.targets.labels("family")
    parts = [
        score(draws[:, labels == name], split.observed[labels == name]) for name in ("few", "many")
    ]
    found = score_groups(draws, split)
    assert set(found) == set(parts[0])
    for name, value in found.items():
        assert value == pytest.approx((parts[0][name] + parts[1][name]) / 2)


def test_a_draw_without_bound_does_not_stop_the_score() -> None:
    split = deep_split(curve(np.geomspace(1e6, 1e9, 20)))
    assert isinstance(split, Split)
    draws = split.observed * np.exp(
        0.1 * np.random.default_rng(0).standard_normal((400, split.observed.size))
    )
    wanted = score_groups(draws, split)
    draws[np.argmax(draws, axis=0), np.arange(draws.shape[1])] = np.inf
    assert score_groups(draws, split) == pytest.approx(wanted)
