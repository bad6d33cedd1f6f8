"""What a law of transfer counts its data in, and how many of that a token stands for."""

from __future__ import annotations

import re

import numpy as np

from bayes_scaling.errors import InputError
from bayes_scaling.questions.published_laws import PublishedConstants
from bayes_scaling.questions.surface import Source

TOKENS = "tokens"

COUNTED = re.compile(r"\bdata in (characters|bytes)\b")
"""How published constants state a unit of data other than tokens."""


def data_unit(source: Source) -> str:
    """Return what a law counts data in: tokens, where nothing else is said.

    Published constants say it among their units, the runs of a fit in the column ``data_unit``.
    """
    law = source.leading
    if isinstance(law, PublishedConstants):
        found = COUNTED.search(law.units)
        return found[1] if found else TOKENS
    if "data_unit" not in law.runs:
        return TOKENS
    named = [str(unit).strip().lower() for unit in np.unique(law.runs["data_unit"])]
    return next((unit for unit in named if unit), TOKENS)


def per_token(source: Source, characters_per_token: float | None) -> float:
    """Return how many units of data of a law a token stands for: 1 where it counts tokens.

    Parameters
    ----------
    source : Fit or PublishedLaw
        The law.
    characters_per_token : float, optional
        Of the tokenizer.

    Raises
    ------
    InputError
        The law counts characters or bytes and the number is not given, or is not above 0.
    """
    given = characters_per_token
    if given is not None and not (np.isfinite(given) and given > 0):
        raise InputError(f"characters_per_token must be above 0, got {given!r}")
    unit = data_unit(source)
    if unit == TOKENS:
        return 1.0
    if given is None:
        raise InputError(
            f"{source.id} counts data in {unit}: say how many of them a token of your tokenizer "
            "stands for, characters_per_token; about 4 in English text"
        )
    return given


def unit_notes(source: Source, characters_per_token: float | None) -> tuple[str, ...]:
    """Say in which units a law of transfer was asked, where they are not tokens and all params."""
    unit, law = data_unit(source), source.leading
    found = []
    if unit != TOKENS and characters_per_token is not None:
        found.append(
            f"{source.id} counts data in {unit}: it was given {characters_per_token:g} to a token"
        )
    if unit == TOKENS:
        found.append(
            f"{source.id} counts data in the tokens of its own runs{_metrics(source)}, and was "
            "given those on hand one to one: where its tokenizer is another, write what its runs "
            "count (characters, bytes) into their column data_unit"
        )
    if law.reads.meant.get("params") == "params_nonembedding":
        found.append(
            f"{source.id} counts params without embeddings, and was given the params above: where "
            "those hold embeddings, fine-tuning is worth less than is said"
        )
    return tuple(found)


def _metrics(source: Source) -> str:
    """Tell what the losses of the runs of a law are, where their table says so."""
    law = source.leading
    if isinstance(law, PublishedConstants) or "metric" not in law.runs:
        return ""
    named = sorted({str(each) for each in law.runs["metric"]} - {""})
    return f" (losses in {', '.join(named)})" if named else ""


def compute_notes(source: Source) -> tuple[str, ...]:
    """Say why compute saved is not told of a law that does not count tokens."""
    unit = data_unit(source)
    if unit == TOKENS:
        return ()
    return (
        f"data are in {unit}, and compute is counted in tokens: what is saved of it is "
        f"6 N (D_E - D_F) over the {unit} that a token stands for",
    )
