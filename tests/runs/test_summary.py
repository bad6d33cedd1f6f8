"""What a table holds, as plain data."""

from __future__ import annotations

import json

import pytest

from bayes_scaling.errors import BayesScalingWarning
from bayes_scaling.runs import RunTable, describe


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
