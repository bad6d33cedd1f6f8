from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from bayes_scaling.errors import InputError
from bayes_scaling.runs import RunTable
from bayes_scaling.runs.finetuning import was_pretrained

ROWS: dict[str, Sequence[object]] = {
    "params": [1e6, 1e6, 4e6],
    "tokens": [2e7, 3e7, 5e6],
    "finetune_tokens": [None, 0, 1e6],
    "pretrained_on": ["", "none", "prose"],
    "loss": [3.0, 2.9, 2.5],
}


def test_data_of_runs_from_scratch_are_their_own() -> None:
    table = RunTable.from_columns(ROWS)
    np.testing.assert_array_equal(table["finetune_tokens"], [2e7, 3e7, 1e6])
    np.testing.assert_array_equal(table["pretrained"], [0, 0, 1])
    assert table["pretrained_on"].tolist() == ["scratch", "scratch", "prose"]
    assert any("2 of 3 rows" in note for note in table.notes)


def test_repeated_text_counts_once() -> None:
    table = RunTable.from_columns({**ROWS, "unique_tokens": [1e7, 1e7, 1e6]})
    np.testing.assert_array_equal(table["finetune_tokens"], [1e7, 1e7, 1e6])


def test_labels_of_runs_from_scratch() -> None:
    assert was_pretrained(["Scratch", " none ", "", "c4"]).tolist() == [0, 0, 0, 1]


@pytest.mark.parametrize(
    ("change", "pattern"),
    [
        ({"finetune_tokens": [None, None, None]}, "row 3: pretrained_on is 'prose' and finetune_"),
        ({"data_unit": ["tokens", "tokens", "characters"]}, "several units .*row 3: characters"),
        ({"finetune_characters": [1e6, 1e6, 1e6]}, "'finetune_characters' counts characters"),
    ],
)
def test_what_cannot_be_compared_is_said(change: dict[str, Sequence[object]], pattern: str) -> None:
    with pytest.raises(InputError, match=pattern):
        RunTable.from_columns({**ROWS, **change})
