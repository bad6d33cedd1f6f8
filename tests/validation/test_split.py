"""What is fitted and what is forecast: by conditions, at every cut, and by the range of sizes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.laws import load_model
from bayes_scaling.runs import RunTable
from bayes_scaling.runs.rows import row_mask
from bayes_scaling.validation.split import (
    Split,
    check_model,
    cuts,
    deep_split,
    log_scale,
    make_splits,
    ratio_bins,
    rolling_splits,
    scale_name,
)
from tests.synthetic import synthetic_runs
from tests.validation.oracle import simulated

EVERY = np.ones(16, dtype=bool)


def divide(runs: RunTable, fit: str, target: str, *, by: str | None = None) -> tuple[Split, ...]:
    return make_splits(runs, row_mask(runs, fit), row_mask(runs, target), by=by)


def changed(runs: RunTable, **columns: NDArray[Any]) -> RunTable:
    return RunTable(columns={**runs.columns, **columns})


def test_rows_of_a_condition() -> None:
    runs = simulated()
    assert row_mask(runs, "flops >= 1e21").tolist() == (runs["flops"] >= 1e21).tolist()


def test_one_split_holds_all_groups() -> None:
    (split,) = divide(simulated(("a", "b")), "flops <= 2e19", "flops > 2e19")
    assert (split.label, len(split.fitted), len(split.targets)) == ("all", 16, 16)
    assert set(split.scored_as(split.targets)) == {"a", "b"}


def test_a_single_group_is_called_all() -> None:
    (split,) = divide(simulated(("web",)), "flops <= 2e19", "flops > 2e19")
    assert set(split.scored_as(split.targets)) == {"all"}


def test_a_split_for_every_value_of_a_column() -> None:
    first, second = divide(simulated(("a", "b")), "flops <= 2e19", "flops > 2e19", by="family")
    assert (first.label, second.label) == ("a", "b")
    assert set(first.fitted["family"]) == set(first.targets["family"]) == {"a"}
    assert set(second.scored_as(second.targets)) == {"b"}


def test_groups_without_targets_are_not_fitted() -> None:
    splits = divide(
        simulated(("a", "b")), "flops <= 2e19", "flops > 2e19 and family == 'b'", by="family"
    )
    assert [split.label for split in splits] == ["b"]


def test_what_was_measured_on_targets_is_hidden_from_forecasts() -> None:
    runs = changed(simulated(), score=np.full(16, 0.5))
    (split,) = divide(runs, "flops <= 2e19", "flops > 2e19")
    assert {"loss", "score"} & set(split.sizes.columns) == set()
    assert len(split.sizes) == 8
    assert split.observed.tolist() == split.targets["loss"].tolist()


def test_efolds_count_from_the_largest_fitted_run_of_the_group() -> None:
    runs = simulated(("a", "b"))
    (split,) = divide(runs, "flops <= 2e18 or (family == 'b' and flops <= 2e20)", "flops > 9e20")
    wanted = {"a": np.log(1e21 / 1e18), "b": np.log(1e21 / 1e20)}
    labels = split.targets.labels("family")
    assert split.efolds == pytest.approx([wanted[label] for label in labels])


def test_scale_is_compute_or_the_only_size() -> None:
    runs = simulated()
    assert log_scale(runs)[0] == pytest.approx(np.log(runs["flops"]))
    one = RunTable(columns={"tokens": np.array([1.0, 2.0]), "loss": np.ones(2)})
    assert log_scale(one)[0] == pytest.approx(np.log([1, 2]))
    two = RunTable(columns={name: runs[name] for name in ("params", "tokens")})
    assert log_scale(two)[0] == pytest.approx(np.log(runs["flops"]))
    assert (scale_name(one), scale_name(two)) == ("tokens", "flops")


def test_rows_on_both_sides_are_refused() -> None:
    with pytest.raises(InputError, match=r"rows 5, 6, .*16 rows.* fitted and forecast at once"):
        divide(simulated(("a", "b")), "flops <= 2e20", "flops > 2e18")


def test_every_problem_is_listed() -> None:
    runs = simulated()
    losses = runs["loss"].copy()
    losses[[0, 15]] = np.nan, -1
    bad = changed(runs, loss=losses)
    with pytest.raises(InputError) as caught:
        divide(bad, "flops <= 2e20", "flops > 2e18", by="corpus")
    text = "\n".join(caught.value.problems)
    assert len(caught.value.problems) == 4
    for part in (
        "by='corpus' is no column",
        "at once",
        "in all fitted runs; row 1 is not",
        "in all targets; row 16 is not",
    ):
        assert part in text


def test_families_without_a_column_are_one_group() -> None:
    columns = {n: v for n, v in simulated().columns.items() if n != "family"}
    (split,) = divide(RunTable(columns=columns), "flops <= 2e19", "flops > 2e19", by="family")
    assert split.label == "all"


@pytest.mark.parametrize("by", [None, "family"])
def test_a_family_missing_from_the_fitted_runs_is_named(by: str | None) -> None:
    with pytest.raises(InputError, match=r"family 'b' has 8 targets and 0 fitted runs") as caught:
        divide(simulated(("a", "b")), "flops <= 2e19 and family == 'a'", "flops > 2e19", by=by)
    assert len(caught.value.problems) == 1


def test_sides_without_rows_and_tables_without_sizes_or_losses() -> None:
    runs = simulated()
    none = np.zeros(16, bool)
    with pytest.raises(InputError, match="no fitted runs") as caught:
        make_splits(runs, none, none, by=None)
    assert "no targets" in caught.value.problems
    bare = RunTable(columns={"loss": runs["loss"], "width": runs["params"]})
    with pytest.raises(InputError, match="one of params, tokens and flops"):
        make_splits(bare, row_mask(runs, "flops < 2e18"), row_mask(runs, "flops > 2e18"), by=None)
    with pytest.raises(InputError, match="no column 'score', which is forecast"):
        make_splits(runs, ~none, ~none, by=None, response="score")
    words = changed(runs, loss=np.full(16, "low"))
    with pytest.raises(InputError, match="holds text"):
        divide(words, "flops < 2e18", "flops > 2e18")


def test_a_model_is_checked_against_both_sides() -> None:
    runs = simulated()
    tokens = runs["tokens"].copy()
    tokens[15] = np.nan
    (split,) = divide(changed(runs, tokens=tokens), "flops <= 2e19", "flops > 2e19")
    assert check_model(load_model("chinchilla"), split) == [
        "chinchilla, targets of all: tokens is missing or not positive in 1 of 8; leave them out "
        "of target_where"
    ]
    (problem,) = check_model(load_model("chinchilla-lr"), split)[:1]
    assert problem.startswith("chinchilla-lr, fitted runs of all: the runs have no column")
    assert check_model(load_model("kaplan-n"), split) == []


# ---- at every cut --------------------------------------------------------------------------------


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


# ---- by the range of sizes -----------------------------------------------------------------------


def curve(sizes: np.ndarray, **more: np.ndarray) -> RunTable:
    return RunTable.from_columns({"tokens": sizes, "loss": 3 * (sizes / 1e8) ** -0.1, **more})


def test_the_lower_60_percent_are_fitted_and_the_upper_15_scored() -> None:
    runs = synthetic_runs(load_model("chinchilla"))  # four runs at each of 1e18, ..., 1e21
    split = deep_split(runs)
    assert isinstance(split, Split)
    assert set(split.fitted["flops"].round(-15)) == {1e18, 1e19}
    np.testing.assert_allclose(split.targets["flops"], 1e21)
    assert split.efolds.max() == pytest.approx(np.log(100))
    assert split.summary == (
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
