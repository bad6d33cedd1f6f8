"""Measures of which more is better are no losses: what to type is said, and it works."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import BayesScalingWarning, InputError
from bayes_scaling.runs import RunTable
from bayes_scaling.runs.rising import sounds_like_score

FLOPS = [1e17, 1e18, 1e19, 1e20, 1e21]
SHARES = np.array([0.38, 0.44, 0.5, 0.55, 0.6])


def read(columns: str | None = None, **values: Any) -> tuple[RunTable, list[str]]:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", BayesScalingWarning)
        runs = bs.read_runs(pd.DataFrame({"flops": FLOPS, **values}), columns=columns)
    return runs, [str(each.message) for each in said]


@pytest.mark.parametrize(
    ("name", "score"),
    [("accuracy", True), ("top1_acc", True), ("Top-1 accuracy (%)", True), ("AUC", True),
     ("BLEU", True), ("return", True), ("reward", True), ("mAP", True), ("F1", True),
     ("pass@1", True), ("win_rate", True), ("exact match", True), ("loss", False),
     ("acc_stderr", False), ("error", False), ("return_std", False), ("images", False),
     ("baseline_accuracy", False), ("learning_rate", False), ("n_pairs", False),
     ("interval_score", False), ("brier score", False)],
)  # fmt: skip
def test_names_of_scores(name: str, score: bool) -> None:
    assert sounds_like_score(name) == score


@pytest.mark.parametrize(
    ("name", "values", "advice"),
    [
        ("accuracy", SHARES, "accuracy=score"),
        ("accuracy", SHARES * 100, "score=accuracy/100"),
        ("accuracy", [f"{100 * share:g}%" for share in SHARES], "accuracy=score"),
        ("top-1 acc", SHARES * 100, "score=`top-1 acc`/100"),
        ("AUC", SHARES, "AUC=score"),
        ("BLEU", SHARES * 100, "score=BLEU/100"),
    ],
)
def test_the_advice_for_a_table_without_a_loss_is_taken(
    name: str, values: Any, advice: str
) -> None:
    with pytest.raises(InputError, match="better the more there is") as refused:
        read(**{name: values})
    assert f"--columns '{advice}'" in str(refused.value)
    assert "=loss" not in str(refused.value)
    runs, said = read(advice, **{name: values})
    np.testing.assert_allclose(runs["loss"], 1 - SHARES)
    assert not said


def test_the_one_column_that_rises_with_the_sizes_is_taken_for_a_score() -> None:
    with pytest.raises(InputError, match=r"'MMLU' rises with the sizes.*--columns 'MMLU=score'"):
        read(MMLU=SHARES)
    with pytest.raises(InputError, match=r"--columns 'score=MMLU/100'"):
        read(MMLU=SHARES * 100)
    with pytest.raises(InputError, match="say which it is: --columns 'quantity=loss'"):
        read(quantity=SHARES[::-1])


def test_a_measure_without_a_highest_is_what_it_lacks() -> None:
    with pytest.raises(InputError, match=r"--columns 'loss=BEST-`return`'"):
        read(None, **{"return": SHARES * 1000})
    runs, said = read("loss=1000-`return`", **{"return": SHARES * 1000})
    np.testing.assert_allclose(runs["loss"], 1000 - SHARES * 1000)
    assert not any("more there is" in doubt for doubt in said)


@pytest.mark.parametrize("columns", ["accuracy=loss", "loss=accuracy*1", "loss=accuracy*2"])
def test_an_accuracy_that_is_read_as_a_loss_is_doubted(columns: str) -> None:
    (doubt,) = read(columns, accuracy=SHARES)[1]
    assert "better the more there is, and the loss of every law falls" in doubt
    assert re.search(r"--columns '(accuracy=score|score=accuracy\*\d)'", doubt)
    assert not read("loss=1-accuracy", accuracy=SHARES)[1]


def test_a_column_of_any_name_that_rises_with_size_is_doubted() -> None:
    (doubt,) = read("quality=loss", quality=SHARES)[1]
    assert "loss rises with flops: runs of more flops have the higher loss" in doubt
    assert "is 'quality' better the more there is? Then --columns 'quality=score'" in doubt
    (doubt,) = read(loss=SHARES)[1]
    assert "are they overfitted" in doubt


def test_percent_signs_are_shares() -> None:
    percent = [f"{100 * share:g}%" for share in SHARES]
    (doubt,) = read("accuracy=loss", accuracy=percent)[1]
    assert "--columns 'accuracy=score'" in doubt
    runs, said = read("loss=1-accuracy", accuracy=percent)
    np.testing.assert_allclose(runs["loss"], 1 - SHARES)
    assert not said
    with pytest.raises(InputError, match=r"\('38%' as 0.38\): leave /100 out"):
        read("loss=1-accuracy/100", accuracy=percent)
    for columns in (None, "WER=loss"):
        runs, said = read(columns, WER=percent[::-1])
        np.testing.assert_allclose(runs["loss"], SHARES[::-1])
        assert "an error rate" in " ".join(runs.notes)
        assert not said
