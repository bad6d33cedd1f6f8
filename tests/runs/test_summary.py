"""What a table holds, as plain data."""

from __future__ import annotations

import json

import numpy as np
import pytest

from bayes_scaling.errors import BayesScalingWarning
from bayes_scaling.runs import RunTable, describe
from bayes_scaling.runs.doubts_of_fit import splits_take


def test_describe() -> None:
    with pytest.warns(BayesScalingWarning, match="disagree"):
        table = RunTable.from_columns(
            {
                "run": ["a", "a", "b"],
                "family": ["x", "x", "y"],
                "metric": ["c4", "pile", "c4"],
                "params": [1e6, 1e6, 2e6],
                "tokens": [1e8, 1e8, 2e8],
                "flops": [6e14, 6e14, 9.9e15],
                "loss": [4.0, 3.9, 3.5],
                "lr": [1e-3, 1e-3, 3e-3],
                "batch_size": [1e5, 1e5, None],
                "warmup": [1, 2, 3],
            }
        )
    summary = describe(table)
    assert (summary.rows, summary.runs, summary.learning_rates) == (3, 2, 2)
    assert summary.families == {"x": 2, "y": 1}
    assert summary.metrics == {"c4": 2, "pile": 1}
    loss = summary.ranges["loss"]
    assert (loss.low, loss.high, loss.distinct, loss.missing) == (3.5, 4.0, 3, 0)
    assert loss.unit == "nats per token"
    assert summary.ranges["batch_size"].missing == 1
    assert summary.extra_columns == ("warmup",)
    assert summary.notes == ()
    assert len(summary.warnings) == 1
    assert summary.warnings[0].startswith("row 3: flops disagree")
    assert summary.content_hash == table.content_hash


def test_it_dumps_as_json() -> None:
    table = RunTable.from_columns({"D": [1e8, 2e8], "N": [1e6, 1e6], "loss": [3.0, 2.0],
                                   "batch_size": [None, None]})  # fmt: skip
    plain = json.loads(json.dumps(describe(table).to_dict(), allow_nan=False))
    assert plain["rows"] == 2
    assert plain["ranges"]["tokens"] == {
        "low": 1e8, "high": 2e8, "distinct": 2, "missing": 0, "unit": "tokens",
    }  # fmt: skip
    assert "batch_size" not in plain["ranges"]
    assert plain["families"] == {}
    assert plain["learning_rates"] == 0
    assert plain["notes"][0] == "flops from 6 x params x tokens"


def test_a_table_in_compute_alone_says_what_it_cannot_answer() -> None:
    columns = {"flops": [1e18, 1e19, 1e20], "loss": [3.0, 2.7, 2.5]}
    (said,) = (n for n in describe(RunTable.from_columns(columns)).notes if "answers" in n)
    assert said.startswith("without params and tokens no fit of this table answers allocate")
    assert "two of the columns params, tokens and flops (the table has flops)" in said
    whole = RunTable.from_columns({**columns, "params": [1e8, 2e8, 3e8]})
    assert not any("answers" in note for note in describe(whole).notes)


def test_runs_of_one_size_are_said_to_take_another_and_no_further_column() -> None:
    columns = {"tokens": [1e9, 1e10, 1e11], "loss": [3.0, 2.7, 2.5], "params": [1e8, 1e8, 1e8]}
    runs = RunTable.from_columns(columns)
    (said,) = (note for note in describe(runs).notes if "answers" in note)
    assert said.startswith(
        "all runs have 1e+08 params, so the default fit answers none of allocate"
    )
    assert splits_take(runs) == "takes runs of another size too: all runs have 1e+08 params"
    for other in (runs.take(np.array([0])), None):
        assert "two of the columns params, tokens and flops" in splits_take(other)
