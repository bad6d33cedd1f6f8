"""Units that the metric of a table names."""

from __future__ import annotations

import numpy as np
import pytest

from bayes_scaling.runs import RunTable
from bayes_scaling.runs.metrics import read_unit, unit_after, unit_of, unit_problems


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("validation nats per byte", "nats/byte"),
        ("nats/token", "nats/token"),
        ("nat per token", "nats/token"),
        ("bits_per_byte", "bits/byte"),
        ("BPB on C4", "bits/byte"),
        ("nats per residue", "nats/residue"),
        ("bits per char", "bits/character"),
        ("nats per character", "nats/character"),
        ("error", "error"),
        ("top-1 error rate", "error"),
        ("1 - accuracy", "error"),
        ("imagenet accuracy", "accuracy"),
        ("perplexity", "perplexity"),
    ],
)
def test_a_metric_names_its_unit(text: str, name: str) -> None:
    unit = read_unit(text)
    assert unit is not None
    assert unit.name == name
    assert unit.bounded == (name in ("error", "accuracy"))
    assert unit.rises == (name == "accuracy")


@pytest.mark.parametrize("text", ["", "c4_val", "wiki", "validation loss", "terror"])
def test_a_text_is_no_unit(text: str) -> None:
    assert read_unit(text) is None


def runs(*metrics: str) -> RunTable:
    n = len(metrics)
    columns = {
        "params": np.full(n, 1e8),
        "tokens": np.full(n, 1e9),
        "loss": 3.0 - 0.1 * np.arange(n),
    }
    return RunTable.from_columns({**columns, "metric": np.array(metrics)})


def test_a_table_has_one_unit_or_a_problem() -> None:
    assert unit_of(runs("c4_val", "c4_val")) is None
    assert unit_problems(runs("c4_val", "pile")) == []
    one = runs("nats per byte", "validation nats/byte")
    found = unit_of(one)
    assert found is not None
    assert found.name == "nats/byte"
    assert unit_problems(one) == []
    (problem,) = unit_problems(runs("nats per byte", "bits per byte"))
    assert "'nats per byte' (nats/byte)" in problem
    assert unit_of(runs("nats per byte", "bits per byte")) is None


@pytest.mark.parametrize(
    ("formula", "unit", "after"),
    [
        ("log(loss)", "perplexity", "nats/token"),
        ("log(loss) / 2", "perplexity", None),
        ("loss*0.6931", "bits/byte", "nats/byte"),
        ("bpb * log(2)", "bits/byte", "nats/byte"),
        ("loss*2", "bits/byte", None),
        ("1 - acc", "accuracy", "error"),
        ("log(loss)", "nats/token", None),
    ],
)
def test_a_formula_moves_a_loss_to_another_unit(formula: str, unit: str, after: str | None) -> None:
    found = read_unit(unit)
    assert found is not None
    assert unit_after(formula, found) == after
