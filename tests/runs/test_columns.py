"""The vocabulary: what each spelling means, and when two columns mean the same."""

from __future__ import annotations

import dataclasses
import shlex

import pytest

from bayes_scaling.runs.columns import ALIASES, COLUMNS, canonical_name, nearest, shown_in_formula
from bayes_scaling.runs.resolve import resolve, say_which
from bayes_scaling.runs.wishes import columns_in, read_wishes, sort_wishes


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("params", "params"),
        ("N", "params"),
        ("n_params", "params"),
        ("num_params", "params"),
        ("params_nonemb", "params_nonembedding"),
        ("non_embedding_params", "params_nonembedding"),
        ("active params", "params_active"),
        ("D", "tokens"),
        ("n_tokens", "tokens"),
        ("C", "flops"),
        ("compute", "flops"),
        ("FLOP", "flops"),
        ("lr", "learning_rate"),
        ("LR", "learning_rate"),
        ("Learning Rate", "learning_rate"),
        ("learning-rate", "learning_rate"),
        (" peak_lr ", "learning_rate"),
        ("val_loss", "loss"),
        ("val/loss", "loss"),
        ("Val Loss", "loss"),
        ("B", "batch_size"),
        ("step", "steps"),
        ("d_model", "width"),
        ("n_layer", "depth"),
        ("ffn", "d_ff"),
        ("seq-len", "context_length"),
        ("dataset", "corpus"),
    ],
)
def test_a_spelling_maps_to_its_column(given: str, meant: str) -> None:
    assert canonical_name(given) == meant


@pytest.mark.parametrize(
    "given", ["n", "d", "c", "b", "train_loss", "bs", "loss_raw", "warmup", ""]
)
def test_what_is_not_certain_is_left_alone(given: str) -> None:
    assert canonical_name(given) is None


def test_every_alias_leads_to_a_column() -> None:
    assert set(ALIASES.values()) <= set(COLUMNS)
    assert not set(ALIASES) & set(COLUMNS)


def test_every_number_has_a_unit_and_no_text_has() -> None:
    for name, column in COLUMNS.items():
        assert column.name == name
        assert bool(column.unit) == (column.kind != "text")


def test_a_column_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        COLUMNS["params"].unit = "kg"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("asked", "known", "found"),
    [
        ("lr", ["learning_rate", "loss"], "learning_rate"),
        ("tokenz", ["params", "tokens"], "tokens"),
        ("Valid Loss", ["valid-loss", "x"], "valid-loss"),
        ("zebra", ["params", "tokens"], None),
    ],
)
def test_nearest_knows_aliases_and_slips(asked: str, known: list[str], found: str | None) -> None:
    assert nearest(asked, known) == found


def test_two_columns_of_one_meaning_are_both_named() -> None:
    found = resolve(["N", "n_params", "D", "loss"])
    assert found.problems == (
        "columns 'N' and 'n_params' both mean 'params'; say which: --columns 'N=params' "
        "(in Python columns={'N': 'params'}), or delete the other",
    )


def test_a_mapping_settles_which_of_two_it_is() -> None:
    found = resolve(["N", "n_params", "loss"], {"N": "params"})
    assert not found.problems
    assert found.names == {"N": "params", "n_params": "n_params", "loss": "loss"}


def test_a_mapping_displaces_a_canonical_name_with_a_note() -> None:
    found = resolve(["loss", "heldout"], {"heldout": "val_loss"})
    assert found.names == {"loss": "loss_unmapped", "heldout": "loss"}
    assert "'loss' rides along as 'loss_unmapped'" in found.notes[0]


def test_a_mapping_can_rename_away() -> None:
    assert resolve(["budget"], {"budget": "my_budget"}).names == {"budget": "my_budget"}


def test_a_mapping_of_a_column_that_is_not_there() -> None:
    (problem,) = resolve(["val_losss", "N"], {"val_loss": "loss"}).problems
    assert "'val_loss', which the table does not have; did you mean 'val_losss'?" in problem


def test_two_mappings_to_one_name_are_a_problem() -> None:
    (problem,) = resolve(["a", "b"], {"a": "loss", "b": "loss"}).problems
    assert problem.startswith("columns 'a' and 'b' both mean 'loss'")


@pytest.mark.parametrize("name", ["loss, val", "a=1 loss", "team's loss", "val loss (nats)"])
def test_what_is_said_of_a_column_is_read_back(name: str) -> None:
    said = say_which(name, "loss")
    (_, typed, *_) = shlex.split(said.split(" (in Python")[0])
    wishes = sort_wishes(read_wishes(typed), [name, "params"])
    assert wishes.renamed == {name: "loss"}
    assert not wishes.formulas


@pytest.mark.parametrize("name", ["return", "top-1 acc", "loss"])
def test_a_column_is_shown_as_a_formula_reads_it(name: str) -> None:
    assert columns_in(f"2*{shown_in_formula(name)}", [name]) == (name,)
