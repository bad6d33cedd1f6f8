"""nano-transfer: its plan, its texts, its table, and its trainer on a small scale."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bayes_scaling.datasets import load_dataset
from bayes_scaling.datasets.nano_lm.corpus import Corpus
from bayes_scaling.datasets.nano_lm.train import window_count
from bayes_scaling.datasets.nano_lm.transformer import CONTEXT, Shape
from bayes_scaling.datasets.nano_transfer import arms, texts, train_arms
from bayes_scaling.datasets.nano_transfer.arms import (
    AMOUNTS,
    SCRATCH,
    SIZES,
    SOURCES,
    planned_runs,
    reading_order,
    run_id,
)

PARAGRAPH = (
    b"The test database is created by the user, so make sure that the account\n"
    b"has the privileges to create a new database on the system."
)


def test_the_plan_is_five_sizes_by_five_amounts_by_three_arms_and_one_amount_more() -> None:
    runs = list(planned_runs())
    assert len(runs) == len({(s, a[0], t) for s, a, t in runs}) == 5 * 5 * 3 + 5
    assert (len(SIZES), len(AMOUNTS), len(SOURCES)) == (5, 5, 3)


def test_the_table_holds_every_planned_run() -> None:
    runs = load_dataset("nano-transfer")
    planned = [run_id(Shape(width=s[0], depth=s[1]), a[0], t) for s, a, t in planned_runs()]
    assert runs["run"].tolist() == planned
    assert set(runs["pretrained_on"]) == set(SOURCES)
    np.testing.assert_array_equal(runs["pretrained"], runs["pretrained_on"] != SCRATCH)
    np.testing.assert_array_equal(runs["finetune_tokens"] % CONTEXT, 0)
    assert (runs["loss"] <= runs["loss_at_end"] * 1.02).all()


def test_an_amount_of_text_is_a_part_of_the_next() -> None:
    few, many = reading_order(10_000, 64, 3), reading_order(10_000, 192, 2)
    assert few.size == 3 * 64
    assert set(few) < set(many)
    assert [len(set(part)) for part in np.split(few, 3)] == [64, 64, 64]
    assert (few[:64] != few[64:128]).any()


@pytest.mark.parametrize(
    ("block", "prose"),
    [
        (PARAGRAPH, True),
        (PARAGRAPH[:-1], False),
        (b"Short, and so no paragraph.", False),
        (
            b">>> import django\n>>> django.setup(settings={'a': 1, 'b': 2}, version=(6, 1))." * 2,
            False,
        ),
    ],
)
def test_a_paragraph_is_letters_and_ends_with_a_stop(block: bytes, prose: bool) -> None:
    assert texts.is_prose(block) is prose


def test_half_of_the_mixed_text_is_code(monkeypatch: pytest.MonkeyPatch) -> None:
    def made(kind: str, folder: Path, seen: set[bytes]) -> bytes:
        return (b"p" if kind == "prose" else b"c") * (100 * CONTEXT + 1)

    empty = np.zeros(0, np.uint8)
    monkeypatch.setattr(texts, "_text_of", made)
    monkeypatch.setattr(texts, "load_corpus", lambda _: Corpus(train=empty, validation=empty))
    text, order = texts.pretraining_text("prose+web-code", count=40)
    kinds = [bytes(text[i * CONTEXT : i * CONTEXT + 1]) for i in order]
    assert (kinds.count(b"p"), kinds.count(b"c")) == (20, 20)
    assert len(set(order.tolist())) == 40
    assert window_count(text) > order.max()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Corpus:
    """A text in which the next byte follows from the one before, and short plans."""
    pytest.importorskip("jax")
    text = (np.arange(400 * CONTEXT + 1) * 7 % 251).astype(np.uint8)
    corpus = Corpus(train=text, validation=text[: 1300 * CONTEXT + 1])
    monkeypatch.setattr(arms, "load_corpus", lambda _: corpus)
    monkeypatch.setattr(arms, "pretraining_text", lambda *_, **__: (text, np.arange(64)))
    monkeypatch.setattr(arms, "FINAL_WINDOWS", 8)
    monkeypatch.setattr(arms, "STOP_WINDOWS", 8)
    monkeypatch.setattr(arms, "SIZES", ((16, 1),))
    monkeypatch.setattr(arms, "AMOUNTS", ((8, 2),))
    monkeypatch.setattr(arms, "EXTRA", (16, 2))
    return corpus


def test_the_trainer_goes_on_where_it_stopped(small: Corpus, tmp_path: Path) -> None:
    out = tmp_path / "runs.csv"
    told: list[str] = []
    options: dict[str, Any] = {"out": out, "progress": told.append}
    assert train_arms(limit=1, **options) == 1
    assert train_arms(**options) == 3
    assert train_arms(**options) == 0
    lines = out.read_text().splitlines()
    assert len(lines) == 5
    assert [line.split(",")[0] for line in lines[1:]] == [
        "w16d1-1024-scratch", "w16d1-1024-prose", "w16d1-1024-prose+web-code", "w16d1-2048-scratch",
    ]  # fmt: skip
    assert len(told) == 4
