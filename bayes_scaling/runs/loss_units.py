"""Of what the losses and the tokens of a file are, by what it calls them.

Tables are made of language models first, so a loss is in nats per token unless it says otherwise.
What a heading or an expression says otherwise (bits per character, a mean squared error, a reward
that lacks, images in place of tokens) is told here, and then nothing is held against text.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from bayes_scaling.runs.cells import loss_factor
from bayes_scaling.runs.columns import canonical_name
from bayes_scaling.runs.headings import read_heading
from bayes_scaling.runs.metrics import read_unit, unit_after
from bayes_scaling.runs.resolve import low_words, sounds_like_loss, words_of
from bayes_scaling.runs.rising import sounds_like_score
from bayes_scaling.runs.wishes import made_of, names_of

if TYPE_CHECKING:
    from bayes_scaling.runs.table import RunTable

NATS = "nats per token"
"""Unit of a loss that says no other."""

AS_GIVEN = "as given"
"""Unit of a loss that is none of text, or of none that is known."""

THINGS = frozenset(
    "row rows image images pair pairs sentence sentences document documents record records frame "
    "frames hour hours hrs clip clips molecule molecules residue residues step steps points pixel "
    "pixels interactions transitions episodes games observations series utterances scenes".split()
)
"""What data are counted in where they are no tokens of text."""

PERHAPS = frozenset("sample samples example examples sequence sequences words".split())
"""What may stand for many tokens each, or for none."""

_TEXT = frozenset("token tokens tok toks byte bytes char chars character characters".split())
_OTHER_LOSSES = frozenset(
    "mse rmse mae mape smape rmsd huber psnr lpips fid l1 l2 squared energy force "
    "logmse nmse dice hinge return reward".split()
)


def unit_of_loss(label: str, *, formula: bool = False) -> str:
    """Return the unit of a loss by its name, or by the expression that made it.

    Parameters
    ----------
    label : str
        What the file calls it, or the expression.
    formula : bool
        Whether it is an expression.

    Returns
    -------
    str
        Such as ``"bits per character"``; "" where nothing is said.

    Examples
    --------
    >>> unit_of_loss("bits_per_character"), unit_of_loss("test_mse"), unit_of_loss("val/loss")
    ('bits per character', 'as given', 'nats per token')
    >>> unit_of_loss("log(val_ppl)", formula=True), unit_of_loss("bpb*0.6931", formula=True)
    ('nats per token', 'nats per byte')
    """
    if formula:
        return _unit_of_formula(label)
    if _of_no_text(label):
        return AS_GIVEN
    heading = read_heading(label)
    if heading is not None and heading.unit and loss_factor(heading.unit) is not None:
        return NATS
    unit = read_unit(" ".join(words_of(label)))
    if unit is not None and not unit.bounded:
        return unit.name.replace("/", " per ")
    if unit is not None or "per" in low_words(label) or sounds_like_score(label):
        return AS_GIVEN
    known = sounds_like_loss(label) or canonical_name(label) == "loss"
    return NATS if known else ""


def _unit_of_formula(text: str) -> str:
    names = names_of(text)
    if len(names) != 1:
        return ""
    unit = read_unit(" ".join(words_of(names[0])))
    if unit is None or _of_no_text(names[0]):
        return unit_of_loss(names[0]) or AS_GIVEN
    after = unit_after(text.replace(f"`{names[0]}`", "x"), unit)
    if after is None and unit.bounded:
        return AS_GIVEN
    return (after or unit.name).replace("/", " per ")


def _of_no_text(name: str) -> bool:
    return bool(low_words(name) & _OTHER_LOSSES)


def counts_things(name: str) -> bool:
    """Whether a heading counts data that are no tokens of text.

    Examples
    --------
    >>> counts_things("images"), counts_things("train tokens"), counts_things("image tokens")
    (True, False, False)
    """
    words = low_words(name)
    return bool(words & THINGS) and not words & _TEXT and canonical_name(name) != "tokens"


def counts_tokens(name: str) -> bool:
    """Whether a heading says that it counts tokens, or other parts of a text."""
    heading = read_heading(name)
    named = heading is not None and heading.target in ("tokens", "unique_tokens")
    return named or bool(low_words(name) & _TEXT)


def is_text(unit: str, tokens: str | None) -> bool:
    """Whether losses are of text in nats per token, as far as a file tells.

    Parameters
    ----------
    unit : str
        That of the losses, as `unit_of_loss` says it.
    tokens : str or None
        What the file calls the tokens; None without any.
    """
    if unit == NATS:
        return tokens is None or not counts_things(tokens)
    return not unit and (tokens is None or counts_tokens(tokens))


def unit_by_name(runs: RunTable) -> str:
    """Return the unit of the losses of a table by what its file called them.

    Examples
    --------
    >>> from bayes_scaling.runs import RunTable
    >>> unit_by_name(RunTable(columns={}, origins={"loss": "'test_mse'"}))
    'as given'
    """
    made = made_of(runs.notes).get("loss")
    label = made or label_in(runs.origins.get("loss", "")) or "loss"
    said = unit_of_loss(label, formula=made is not None)
    tokens = label_in(runs.origins.get("tokens", "")) or None
    return said or (NATS if is_text(said, tokens) else AS_GIVEN)


def label_in(origin: str) -> str:
    """Return the heading in a column's origin, ``'tokens (M)' x 1e+06``; "" where it has none."""
    found = re.search(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", origin)
    try:
        return str(ast.literal_eval(found[0])) if found else ""
    except (ValueError, SyntaxError):  # of a saved fit that was not written here
        return ""
