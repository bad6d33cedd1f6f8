"""A text that tells runs of like sizes apart is doubted; one that goes with a size is not."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from bayes_scaling.runs import RunTable
from bayes_scaling.runs.recipes_apart import recipes_apart
from bayes_scaling.runs.wishes import rows_that_meet

PARAMS = np.repeat([1e7, 4e7, 1.6e8, 6.4e8], 3)
TOKENS = np.tile([4e8, 1.6e9, 6.4e9], 4)
LOSS = 1.7 + 400 / PARAMS**0.34 + 1500 / TOKENS**0.36


def table(**columns: Any) -> RunTable:
    return RunTable(columns={name: np.array(values) for name, values in columns.items()})


def two(factor: float, *, tokens: float = 10 / 3, noise: float = 0.003, seed: int = 0) -> RunTable:
    """Runs of two tokenizers, of which the second counts more tokens for the same text."""
    loss = np.concatenate([LOSS, LOSS * factor])
    noisy = loss * np.exp(noise * np.random.default_rng(seed).standard_normal(loss.size))
    return table(
        tokenizer=np.repeat(["bpe32k", "char"], 12),
        params=np.tile(PARAMS, 2),
        tokens=np.concatenate([TOKENS, TOKENS * tokens]),
        loss=noisy,
    )


def test_two_tokenizers_without_equal_sizes_are_doubted() -> None:
    (said,) = recipes_apart(two(0.3))
    assert "runs that 'tokenizer' tells apart (bpe32k, char) differ up to 3." in said
    assert "losses per token of several tokenizers are in several units" in said
    assert "--pool-by tokenizer" in said
    assert "--where 'tokenizer == \"bpe32k\"'" in said
    assert not recipes_apart(two(0.3), ("family", "tokenizer"))


def test_vocabularies_are_told_apart_by_their_sizes() -> None:
    columns = dict(two(0.3).columns)
    size = np.where(columns.pop("tokenizer") == "char", 256.0, 32000.0)
    (said,) = recipes_apart(table(vocab_size=size, **columns))
    assert "runs that 'vocab_size' tells apart (256, 32000) differ" in said
    assert "--a 256 --b 32000; for one alone, --where 'vocab_size == 256'" in said
    assert not recipes_apart(table(hidden=size, **columns)), "a number of another kind is no label"


def test_a_recipe_that_is_a_little_better_is_doubted_beyond_the_noise() -> None:
    assert recipes_apart(two(0.93, tokens=1.4))
    assert not recipes_apart(two(0.93, tokens=1.4, noise=0.1))


@pytest.mark.parametrize("noise", [0.0, 0.003, 0.03])
def test_labels_at_random_are_not_doubted(noise: float) -> None:
    for seed in range(40):
        rng = np.random.default_rng(seed)
        size = rng.uniform(0, 4, (2, 24))
        params, tokens = 1e7 * 10 ** size[0], 1e9 * 10 ** size[1]
        loss = (1.7 + 400 / params**0.34 + 1500 / tokens**0.36) * np.exp(
            noise * rng.standard_normal(24)
        )
        label = rng.permutation(np.repeat(["a", "b", "c"], 8))
        assert not recipes_apart(table(host=label, params=params, tokens=tokens, loss=loss))


def test_a_text_that_goes_with_a_size_is_not_doubted() -> None:
    model = np.repeat(["small", "medium", "large", "huge"], 3)
    tokens = TOKENS * np.repeat([1.0, 1.1, 1.2, 1.3], 3)
    assert not recipes_apart(table(model=model, params=PARAMS, tokens=tokens, loss=LOSS))


@pytest.mark.parametrize("labels", [["30M", "100M", "300M"], ["400 h", "1600 h", "6400 h"]])
def test_amounts_of_a_size_that_is_not_read_are_no_recipes(labels: list[str]) -> None:
    amounts = {"Images seen": np.tile(labels, 4)}
    assert not recipes_apart(table(params=PARAMS, loss=LOSS, **amounts))
    rises = table(params=PARAMS, loss=LOSS[::-1].copy(), vocabulary=np.tile(labels, 4))
    assert recipes_apart(rises), "what does not fall with the amount is a recipe"


@pytest.mark.parametrize(
    ("column", "labels"),
    [("recipe", ("A", "B")), ("data mix", ("old mix", "new mix")), ("it's", ("the team's", 'a"b'))],
)
def test_what_is_to_be_typed_is_quoted(column: str, labels: tuple[str, str]) -> None:
    values: Mapping[str, Any] = {
        column: np.repeat(labels, 12),
        "params": np.tile(PARAMS, 2),
        "tokens": np.tile(TOKENS, 2),
        "loss": np.concatenate([LOSS, LOSS * 0.97]),
    }
    (said,) = recipes_apart(table(**values))
    first, second = sorted(labels)
    words = shlex.split(said.split("compare them, ")[1].split("; for one")[0])
    assert words[3:] == [column, "--a", first, "--b", second]
    condition = shlex.split(said.split("for one alone, ")[1])[1]
    assert rows_that_meet(table(**values).columns, condition).size == 12
