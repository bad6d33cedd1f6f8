"""Runs that a duel is fitted to: swept rates, pairs, metrics."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from bayes_scaling.errors import BayesScalingWarning, InputError
from bayes_scaling.fitting import duel_fit
from bayes_scaling.laws.design import PAIR
from bayes_scaling.questions.duel_runs import runs_of_duel
from bayes_scaling.runs import RunTable

RATES = (1e-4, 1e-3, 1e-2)


def swept(*arms: str, seeds: int = 2) -> RunTable:
    """Runs of three sizes and rates; the middle rate is best, by 10 %, and seeds differ by 1 %."""
    rows = [
        {
            "params": params,
            "tokens": 20 * params,
            "learning_rate": rate,
            "seed": seed,
            "recipe": arm,
            "loss": 3 * (params / 1e6) ** -0.1 * (1 + 0.1 * (rate != RATES[1]) + 0.01 * seed),
        }
        for params in (1e6, 4e6, 16e6)
        for arm in arms
        for rate in RATES
        for seed in range(seeds)
    ]
    return RunTable.from_columns({name: np.array([row[name] for row in rows]) for name in rows[0]})


def taken(table: RunTable, *, a: str = "old", b: Any = "new", **options: Any) -> RunTable:
    """Take the runs of a duel without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return runs_of_duel(table, a, b, by="recipe", **options)


def one_rate(*arms: str) -> RunTable:
    table = swept(*arms)
    return table.take(table["learning_rate"] == RATES[1])


def with_seeds(table: RunTable, **first: int) -> RunTable:
    """Move the seeds of some arms."""
    arms = table.labels("recipe")
    moved = table["seed"].astype(int) + np.array([first.get(arm, 0) for arm in arms.tolist()])
    return RunTable(columns={**table.columns, "seed": moved}, notes=table.notes)


def test_of_swept_rates_the_best_of_each_variant_are_compared_with_all_their_seeds() -> None:
    table = swept("old", "new", "other")
    fewer = table.take((table.labels("recipe") != "new") | (table["learning_rate"] < RATES[2]))
    with pytest.warns(BayesScalingWarning) as told:
        found = runs_of_duel(fewer, "old", "new", by="recipe")
    (said,) = [str(each.message) for each in told]
    assert said.startswith("18 of 30 runs were beaten by another learning rate at their size")
    assert "(rates tried: new 2, old 3)" in said
    assert set(found["learning_rate"]) == {RATES[1]}
    assert np.unique(found.labels("family"), return_counts=True)[1].tolist() == [6, 6]


def test_the_best_rate_is_that_of_the_variant_not_of_all() -> None:
    table = swept("old", "new")
    new = table.labels("recipe") == "new"
    shifted = np.where(new, table["learning_rate"] * 10, table["learning_rate"])
    with pytest.warns(BayesScalingWarning, match="24 of 36"):
        found = runs_of_duel(
            RunTable(columns={**table.columns, "learning_rate": shifted}), "old", by="recipe"
        )
    best = {side: set(found["learning_rate"][found.labels("family") == side]) for side in
            ("old", "new")}  # fmt: skip
    assert best == {"old": {RATES[1]}, "new": {10 * RATES[1]}}


def test_laws_that_read_rates_take_all_runs() -> None:
    assert len(taken(swept("old", "new"), best_rates=False)) == 36


def test_rates_may_be_what_is_compared() -> None:
    table = swept("old")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = runs_of_duel(table, "0.001", by="learning_rate")
    assert len(found) == len(table)


@pytest.mark.filterwarnings("ignore::bayes_scaling.errors.BayesScalingWarning")
@pytest.mark.parametrize(("law", "rows"), [("coupled+lr-valley", 36), ("coupled", 12)])
def test_a_duel_leaves_out_beaten_runs_unless_a_law_reads_rates(
    law: str, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[RunTable] = []

    def average(table: RunTable, *_: Any, **__: Any) -> None:
        seen.append(table)

    monkeypatch.setattr("bayes_scaling.fitting.fit_ensemble", average)
    duel_fit(swept("old", "new"), a="old", b="new", by="recipe", models=(law,))
    assert len(seen[0]) == rows


def test_pairs_are_of_all_sides() -> None:
    found = taken(one_rate("old", "new", "other"), pairs="seed/params", b=["new", "other"])
    assert np.unique(found.labels(PAIR), return_counts=True)[1].tolist() == [3] * 6


def test_a_variant_without_pairs_is_compared_without() -> None:
    table = with_seeds(one_rate("old", "new", "other"), other=10)
    with pytest.warns(
        BayesScalingWarning, match="no run of other has the seed of a run of another"
    ):
        found = runs_of_duel(table, "old", by="recipe", pairs="seed")
    pairs, sides = found.labels(PAIR), found.labels("family")
    assert set(pairs[sides == "other"]) == {""}
    assert set(pairs[sides != "other"]) == {"0", "1"}


def test_sides_without_pairs_of_a_table_that_has_some_are_compared_without() -> None:
    table = with_seeds(one_rate("old", "new", "other"), other=10)
    with pytest.warns(BayesScalingWarning, match="no run of old or other has the seed"):
        found = runs_of_duel(table, "old", "other", by="recipe", pairs="seed")
    assert PAIR not in found
    assert PAIR in taken(table, pairs="seed")


def test_a_side_alone_has_pairs_of_none() -> None:
    table = one_rate("old", "new")
    with pytest.warns(BayesScalingWarning, match="no run of old has the seed"):
        found = runs_of_duel(table, "old", "hoffmann-2022", by="recipe", pairs="seed")
    assert PAIR not in found


def test_a_column_that_pairs_nothing_is_refused() -> None:
    table = one_rate("old", "new")
    own = RunTable(columns={**table.columns, "run": np.arange(len(table)).astype(str)})
    with pytest.raises(InputError, match="no two runs have the same run: there are no pairs"):
        taken(own, pairs="run")
    with pytest.raises(InputError, match="the runs have no column place; they have run, params"):
        taken(own, pairs="place")


def test_metrics_are_pairs_only_where_sides_share_some() -> None:
    table = one_rate("old", "new")
    metric = np.where(table.labels("recipe") == "old", "causal", "masked")
    with pytest.raises(InputError, match="no loss that all groups have in common"):
        taken(RunTable(columns={**table.columns, "metric": metric}), pairs="metric")
