"""Which column is the loss: the held-out one, never silently one of two.

Every column that sounds like a loss is a candidate. A held-out loss (val, eval, test, heldout, dev,
best) goes before the training loss. Where two could be meant the table is refused, and the user is
told how to say which; the example in that message is never the training loss.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache

from bayes_scaling.runs.columns import canonical_name, listed, shown_in_formula
from bayes_scaling.runs.headings import loss_factor, read_heading

LETTER = "L"
"""A name for a loss in papers, and for layers in tables."""

HELD_OUT = frozenset("val valid validation eval evaluation test heldout held dev best".split())
TRAIN = frozenset("train training trn".split())
_SOUND = frozenset(
    "loss losses nll bpb bpc bpt xent crossentropy celoss logloss perplexity ppl".split()
)
_PERPLEXITY = frozenset({"perplexity", "ppl", "pplx"})
_PER_BYTE = frozenset({"bpb", "bpc"})
_BESIDE = frozenset(
    "std sd se sem stderr err error var variance min max scale scaler weight weights coef coeff "
    "fn func function type name aux auxiliary z zloss balance balancing router kl ratio diff delta "
    "rank spike count lower upper ci q05 q95 grad time per noise fitted predicted pred residual "
    "sigma excess reducible relative normalized normalised target goal initial init start "
    "first improvement gap minus".split()
)


@dataclass(frozen=True, kw_only=True)
class LossChoice:
    """Which column is the loss.

    Parameters
    ----------
    name : str or None
        The column; None where there is none, or several.
    said : str
        What to note about the choice; "" where it needs no word.
    doubt : str
        What to warn of.
    problem : str
        Why the user has to say.
    """

    name: str | None
    said: str = ""
    doubt: str = ""
    problem: str = ""


def words_of(name: str) -> list[str]:
    """Return the words of a heading: parted at signs, digits' ends and capitals, in lower case."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    words = re.findall(r"[a-z]+|\d+", spaced.lower())
    joined = " ".join(words).replace("cross entropy", "crossentropy")
    joined = joined.replace("bits per byte", "bpb").replace("bits per character", "bpc")
    joined = joined.replace("bits per char", "bpc").replace("held out", "heldout")
    return joined.split()


@lru_cache(maxsize=16384)
def sounds_like_loss(name: str) -> bool:
    """Whether a heading may mean a loss."""
    if name == LETTER:
        return True
    if (heading := read_heading(name)) is not None:
        return heading.target == "loss"
    words = words_of(name)
    if re.search(r"[-−]\s*E\b", name):
        return False  # the irreducible loss is taken off
    named = not set(words) & _PERPLEXITY and bool(set(words) & _SOUND)
    named = named or (words[-1:] == ["ce"] and len(words) > 1)
    return named and not set(words) & _BESIDE


def is_perplexity(name: str) -> bool:
    """Whether a heading names a perplexity."""
    return bool(set(words_of(name)) & _PERPLEXITY)


def per_byte(name: str) -> bool:
    """Whether a heading names a loss in bits per byte or character."""
    return bool(set(words_of(name)) & _PER_BYTE)


def is_training(name: str) -> bool:
    """Whether a heading names a loss on training text."""
    words = set(words_of(name))
    return bool(words & TRAIN) and not words & HELD_OUT


def choose_loss(
    given: Iterable[str], *, whole: Collection[str] = (), decide: bool = False
) -> LossChoice:
    """Choose the column that is the loss.

    Parameters
    ----------
    given : iterable of str
        Headings that nothing else has taken.
    whole : collection of str
        Those of them whose numbers are all whole.
    decide : bool
        Whether to take the likeliest where two could be meant, as for an export.

    Returns
    -------
    LossChoice
    """
    given = list(given)
    candidates = [name for name in given if sounds_like_loss(name)]
    rest = [name for name in candidates if name != LETTER]
    if LETTER in candidates and (LETTER in whole or rest):
        candidates = rest
    if not candidates:
        return LossChoice(name=None)
    held = [n for n in candidates if set(words_of(n)) & HELD_OUT]
    train = [n for n in candidates if is_training(n)]
    plain = [n for n in candidates if n not in held and n not in train]
    known = [n for n in plain if canonical_name(n) == "loss"]
    best = held or known or plain or train
    if decide:
        best = sorted(held, key=_depth)[:1] or sorted(known or plain or train, key=_depth)[:1]
    elif held and known:
        best = held + known
    if len(best) > 1:
        example = best[0]
        return LossChoice(
            name=None,
            problem=f"columns {listed(best)} {'both' if len(best) == 2 else 'all'} mean 'loss'; "
            f"say which: --columns '{example}=loss' "
            f"(in Python columns={{{example!r}: 'loss'}})",
        )
    name = best[0]
    others = [n for n in (*held, *plain, *train) if n != name]
    others += [LETTER] if LETTER in given and LETTER not in candidates else []
    said = f"loss is taken from {name!r}" + (f", not {listed(others)}" if others else "")
    direct = canonical_name(name) == "loss" and "/" not in name
    doubt = ""
    if is_training(name):
        doubt = (
            f"loss is taken from {name!r}, a loss on training text; laws are about held-out text "
            "unless every token is seen once"
        )
    if _of_log(name):
        doubt = (
            f"{name!r} may be the log of a loss, or the log loss, which is a loss; if it is a log, "
            f"--columns 'loss=exp({shown_in_formula(name)})'"
        )
    return LossChoice(
        name=name, said="" if direct and (name == "loss" or not others) else said, doubt=doubt
    )


def _of_log(name: str) -> bool:
    """Whether a heading may mean the log of a loss; logloss in one word is a loss."""
    return bool(re.search(r"(?i)(?<![a-z])log(?![a-z0-9])", name))


def loss_unit(name: str) -> str:
    """Return the unit that a heading gives its loss, "" where it says none."""
    if per_byte(name):
        kind = "character" if "bpc" in words_of(name) else "byte"
        return f"bits per {kind}"
    heading = read_heading(name)
    if heading is not None and heading.unit and loss_factor(heading.unit) is not None:
        return "nats per token"
    return ""


def _depth(name: str) -> tuple[int, int, int]:
    """Rank likely losses: names of the vocabulary, then the shallower and the shorter."""
    heading = read_heading(name)
    certain = 3 if heading is None else heading.certainty
    order = [word for word in ("val", "valid", "validation") if word in words_of(name)]
    return (certain if order else certain + 1, len(re.split(r"[./]", name)), len(name))
