"""Losses of other trades keep their unit, and nothing is held against text that is none."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import BayesScalingWarning
from bayes_scaling.runs import RunTable, describe
from bayes_scaling.runs.loss_units import counts_things, is_text, label_in, unit_of_loss

PARAMS = np.repeat([1e7, 4e7, 1.6e8], 3)
FEW = np.tile([1e3, 1e4, 1e5], 3)
LOSS = 0.05 + 200 / PARAMS**0.4 + 2 / FEW**0.3


def read(columns: str | None = None, **values: Any) -> tuple[RunTable, list[str]]:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", BayesScalingWarning)
        runs = bs.read_runs(pd.DataFrame({"params": PARAMS, **values}), columns=columns)
    return runs, [str(each.message) for each in said]


@pytest.mark.parametrize(
    ("label", "unit"),
    [("loss", "nats per token"), ("val/loss", "nats per token"), ("loss (bits)", "nats per token"),
     ("eval/bpb", "bits per byte"), ("loss (bits/byte)", "bits per byte"),
     ("bits_per_character", "bits per character"), ("bits_per_dim", "bits per dim"),
     ("nats per residue", "nats per residue"), ("loss_per_residue", "as given"),
     ("neg_log_likelihood", "nats per token"),
     ("test_mse", "as given"), ("mse_loss", "as given"), ("WER (%)", "as given"),
     ("AUC", "as given"), ("return", "as given"), ("Verlust", "")],
)  # fmt: skip
def test_the_unit_of_a_loss_by_its_name(label: str, unit: str) -> None:
    assert unit_of_loss(label) == unit


@pytest.mark.parametrize(
    ("formula", "unit"),
    [("log(val_ppl)", "nats per token"), ("bpb*0.6931", "nats per byte"),
     ("val_loss+0", "nats per token"),
     ("`eval/bpb`*0.6931", "nats per byte"), ("1000-`return`", "as given"),
     ("10**log10_mse", "as given"), ("wer_percent/10", "as given"), ("a+b", "")],
)  # fmt: skip
def test_the_unit_of_a_loss_by_its_expression(formula: str, unit: str) -> None:
    assert unit_of_loss(formula, formula=True) == unit


def test_a_check_shows_the_unit_and_names_it_in_the_note() -> None:
    runs, said = read(tokens=FEW * 1e6, bits_per_character=LOSS)
    assert describe(runs).ranges["loss"].unit == "bits per character"
    assert not any("byte" in note for note in runs.notes)
    assert any("answers are in bits per character" in note for note in runs.notes)
    assert not said
    runs, _ = read("mse=loss", tokens=FEW * 1e6, mse=LOSS)
    assert describe(runs).ranges["loss"].unit == "as given"
    runs, _ = read("Verlust=loss", tokens=FEW * 1e6, Verlust=LOSS)
    assert describe(runs).ranges["loss"].unit == "nats per token"


@pytest.mark.parametrize("name", ["images", "image pairs", "audio_hours", "rows", "env_steps"])
@pytest.mark.parametrize("loss", ["loss", "top1_error", "test_mse"])
def test_few_data_of_another_kind_are_ordinary(name: str, loss: str) -> None:
    runs, said = read(f"{name}=tokens,{loss}=loss", **{name: FEW, loss: LOSS})
    assert not said
    assert len(runs) == 9


def test_few_tokens_are_doubted() -> None:
    (doubt,) = read("toks=tokens", toks=FEW, loss=LOSS + 2)[1]
    assert "tokens per parameter of 6.25e-06 to 0.01 cannot be" in doubt
    (doubt,) = read("Satzpaare=tokens", Satzpaare=FEW, loss=LOSS + 2)[1]
    assert "far below those of text: if 'Satzpaare' counts tokens, it looks like" in doubt
    assert "of pairs, images, hours or the like nothing is wrong" in doubt


def test_losses_of_no_text_are_not_held_against_it() -> None:
    high = LOSS * 100
    assert "log of the largest vocabulary" in read(tokens=FEW * 1e6, loss=high)[1][0]
    assert "log of the largest vocabulary" in read("x=loss", tokens=FEW * 1e6, x=high)[1][0]
    for name in ("mse", "loss_per_frame", "energy"):
        assert not read(f"{name}=loss", tokens=FEW * 1e6, **{name: high})[1]
    assert not read("loss=1000-`return`", tokens=FEW * 1e6, **{"return": 1000 - high})[1]


def test_what_a_file_calls_its_columns() -> None:
    assert label_in("'tokens (M)' x 1e+06") == "tokens (M)"
    assert label_in('10 to the power of "it\'s"') == "it's"
    assert not label_in("")
    assert not label_in(r"'\x'")
    assert not counts_things("tokens seen by images")
    assert is_text("", None)
    assert not is_text("", "images")
    assert not is_text("nats per token", "images")
