from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from bayes_scaling.datasets.nano_lm import train as train_module
from bayes_scaling.datasets.nano_lm.corpus import Corpus
from bayes_scaling.datasets.nano_lm.train import (
    batch_sequences,
    curve_steps,
    run_id,
    train_run,
    window_order,
    windows_at,
)
from bayes_scaling.datasets.nano_lm.transformer import CONTEXT, Shape
from bayes_scaling.errors import InputError


@pytest.fixture
def small_corpus(monkeypatch: pytest.MonkeyPatch) -> Corpus:
    rng = np.random.default_rng(0)
    corpus = Corpus(
        train=rng.integers(97, 101, 60_000, dtype=np.uint8),
        validation=rng.integers(97, 101, 140_000, dtype=np.uint8),
    )
    monkeypatch.setattr(train_module, "load_corpus", lambda cache_dir: corpus)
    return corpus


def test_one_pass_reads_no_window_twice() -> None:
    order = window_order(1000, 1000, seed=3)
    assert sorted(order) == list(range(1000))


def test_a_shorter_run_reads_the_start_of_the_same_order() -> None:
    np.testing.assert_array_equal(window_order(1000, 10, 1), window_order(1000, 500, 1)[:10])
    assert list(window_order(1000, 10, 1)) != list(window_order(1000, 10, 2))


def test_more_text_than_the_corpus_is_refused() -> None:
    with pytest.raises(InputError, match=r"ask for 1.293e\+05 bytes; the corpus has 1.28e\+05"):
        window_order(1000, 1010, seed=0)


def test_windows_predict_every_byte_once() -> None:
    text = (np.arange(5 * CONTEXT + 1) % 251).astype(np.uint8)
    windows = windows_at(text, np.arange(5))
    assert windows.shape == (5, CONTEXT + 1)
    np.testing.assert_array_equal(windows[:, 1:].ravel(), text[1:])


@pytest.mark.parametrize(
    ("tokens", "sequences"), [(300, 2), (2e4, 2), (1e6, 8), (2.5e7, 32), (1e9, 64)]
)
def test_batch_grows_as_the_root_of_the_tokens(tokens: float, sequences: int) -> None:
    assert batch_sequences(tokens) == sequences


def test_curve_is_log_spaced_and_ends_with_the_run() -> None:
    steps = curve_steps(6000, 2.5e7)
    assert len(steps) == 16
    assert steps[-1] == 6000
    ratios = np.diff(np.log(steps))
    assert ratios.max() / ratios.min() < 1.1
    assert curve_steps(1, 300) == [1]


def test_run_id_names_what_sets_the_run() -> None:
    assert run_id(Shape(width=32, depth=2), 1e11, 2**-7, 0) == "w32d2-1e11-lr2^-7-s0"
    assert run_id(Shape(width=32, depth=2), 1.8e11, 2**-6.5, 1) == "w32d2-1.8e11-lr2^-6.5-s1"


def test_all_problems_of_a_run_are_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        train_run(width=33, depth=0, tokens=10, learning_rate=math.inf, cache_dir=tmp_path)
    assert len(caught.value.problems) == 4
    text = str(caught.value)
    assert all(word in text for word in ("depth is 0", "width is 33", "tokens is 10", "inf"))


@pytest.mark.slow
def test_a_tiny_run_learns_and_can_be_repeated(small_corpus: Corpus) -> None:
    pytest.importorskip("jax")
    first = train_run(width=8, depth=1, tokens=25_600, learning_rate=2.0**-6)
    row = first.row
    assert row["params"] == 12 * 8**2 + 256 * 8
    assert row["tokens"] == row["steps"] * row["batch_size"] == 25_600
    assert row["flops"] == 6 * row["params"] * row["tokens"]
    assert math.log(4) - 0.01 < row["loss"] < 2.5 < first.curve[0]["loss"]
    assert first.curve[-1]["loss"] == row["loss"]
    assert not first.diverged
    again = train_run(width=8, depth=1, tokens=25_600, learning_rate=2.0**-6)
    assert again.row["loss"] == row["loss"]
