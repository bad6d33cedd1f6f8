"""What is fitted and what is forecast: groups, hidden losses, everything that is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.laws import load_model
from bayes_scaling.runs import RunTable
from bayes_scaling.validation.split import (
    Split,
    check_model,
    log_scale,
    make_splits,
    row_mask,
    scale_name,
)
from tests.validation.oracle import simulated


def divide(runs: RunTable, fit: str, target: str, *, by: str | None = None) -> tuple[Split, ...]:
    return make_splits(runs, row_mask(runs, fit), row_mask(runs, target), by=by)


def changed(runs: RunTable, **columns: NDArray[Any]) -> RunTable:
    return RunTable(columns={**runs.columns, **columns})


def test_rows_of_a_condition() -> None:
    runs = simulated()
    assert row_mask(runs, "flops >= 1e21").tolist() == (runs["flops"] >= 1e21).tolist()
    assert row_mask(runs, None).all()


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
    for part in ("by='corpus' is no column", "at once", "in all fitted runs; row 1 is not",
                 "in all targets; row 16 is not"):  # fmt: skip
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
