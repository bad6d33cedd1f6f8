"""Cuts in compute and extrapolation ratios."""

from __future__ import annotations

import numpy as np
import pytest

from bayes_scaling.errors import InputError
from bayes_scaling.runs import RunTable
from bayes_scaling.validation.rolling import cuts, ratio_bins, rolling_splits
from tests.validation.oracle import simulated

EVERY = np.ones(16, dtype=bool)


def test_every_budget_but_the_last_is_a_cut() -> None:
    scale = np.log([1e18, 1.02e18, 1e19, 0.98e19, 1e20])
    assert cuts(scale) == pytest.approx(np.log([1.02e18, 1e19]))


def test_scattered_compute_is_cut_every_half_decade() -> None:
    scale = np.log(10) * np.linspace(18, 20, 401)
    found = np.array(cuts(scale)) / np.log(10)
    assert found == pytest.approx([18.5, 19.0, 19.5], abs=0.006)


def test_many_budgets_are_cut_every_half_decade() -> None:
    scale = np.repeat(np.log(10) * np.linspace(18, 20, 21), 3)
    assert np.array(cuts(scale)) / np.log(10) == pytest.approx([18.5, 19, 19.5])


def test_one_budget_has_no_cut() -> None:
    assert cuts(np.zeros(5)) == ()


def test_ratios_are_the_nearest_half_decade() -> None:
    asked = [1, 1.7, 1.9, 5.5, 5.7, 17.5, 18, 56, 57, 177, 200]
    wanted = [1, 1, 3, 3, 10, 10, 30, 30, 100, 100, 300]
    assert ratio_bins(np.log(asked)) == pytest.approx(wanted)


def test_what_lies_below_a_cut_is_fitted_and_the_rest_forecast() -> None:
    splits = rolling_splits(simulated(), EVERY, EVERY, by=None)
    sides = [(len(split.fitted), len(split.targets)) for split in splits]
    assert sides == [(8, 8), (12, 4)]
    assert [split.cut for split in splits] == pytest.approx([1e19, 1e20])
    assert splits[0].fitted["flops"].max() < splits[0].targets["flops"].min()


def test_conditions_bound_either_side() -> None:
    runs = simulated(("a", "b"))
    fitted, targets = runs["family"] == "a", runs["flops"] > 2e20
    splits = rolling_splits(runs, fitted, targets & fitted, by=None)
    assert [(len(split.fitted), len(split.targets)) for split in splits] == [(8, 4), (12, 4)]
    assert set(splits[0].fitted["family"]) == {"a"}


def test_groups_are_cut_by_themselves() -> None:
    runs = simulated(("a", "b"))
    flops = np.where(runs["family"] == "b", 100 * runs["flops"], runs["flops"])
    runs = RunTable(columns={**runs.columns, "flops": flops})
    splits = rolling_splits(runs, np.ones(32, bool), np.ones(32, bool), by="family")
    assert [split.label for split in splits] == ["a", "a", "b", "b"]
    assert [split.cut for split in splits] == pytest.approx([1e19, 1e20, 1e21, 1e22])


def test_targets_of_a_family_not_yet_seen_wait_for_a_later_cut() -> None:
    runs = simulated(("a", "b"))
    runs = runs.take((runs["family"] == "a") | (runs["flops"] > 2e19))
    every = np.ones(len(runs), bool)
    first, second = rolling_splits(runs, every, every, by=None)
    assert set(first.targets["family"]) == {"a"}
    assert set(second.targets["family"]) == {"a", "b"}


def test_too_few_runs_for_any_cut() -> None:
    runs = simulated().take(np.arange(9))
    with pytest.raises(InputError, match="no cut in compute leaves 8 runs to fit and 3"):
        rolling_splits(runs, EVERY[:9], EVERY[:9], by=None)


def test_losses_that_are_missing_are_refused() -> None:
    runs = simulated()
    losses = runs["loss"].copy()
    losses[3] = np.nan
    with pytest.raises(InputError, match="row 4 is not"):
        rolling_splits(RunTable(columns={**runs.columns, "loss": losses}), EVERY, EVERY, by=None)
