"""From the headings of a file to the vocabulary: which column is which, and which is the loss.

Every column that sounds like a loss is a candidate. A held-out loss (val, eval, test, heldout, dev,
best) goes before the training loss. Where two could be meant the table is refused, and the user is
told how to say which; the example in that message is never the training loss.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from numpy.typing import NDArray

from bayes_scaling.runs.cells import count_factor, loss_factor, read_amount
from bayes_scaling.runs.columns import canonical_name, fold, listed, nearest, shown_in_formula
from bayes_scaling.runs.device_hours import hours_advice
from bayes_scaling.runs.headings import Heading, read_heading, unknown_unit

LETTER = "L"
"""A name for a loss in papers, and for layers in tables."""

HELD_OUT = frozenset("val valid validation eval evaluation test heldout held dev best".split())
TRAIN = frozenset("train training trn".split())
_SOUND = frozenset(
    "loss losses nll bpb bpc bpt xent crossentropy celoss logloss perplexity ppl".split()
)
_AT_AMOUNT = re.compile(
    r"(.*[a-zA-Z])[\s_]*(?:@|\bat\b|_at_|[(\[_\s-])[\s_]*"
    r"(\d[\d.]*(?:[eE][-+]?\d+(?:\s*[a-zA-Z]+)?|\s*[kKMmBbGgTtPpEZ][a-zA-Z ]*))[)\]]?"
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
    joined = re.sub("neg(?:ative)? log ?likelihood", "nll", joined)
    joined = joined.replace("bits byte", "bpb").replace("bits char", "bpc")
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


def is_held_out(name: str) -> bool:
    """Whether a heading names held-out text."""
    return bool(set(words_of(name)) & HELD_OUT)


def choose_loss(
    given: Iterable[str], *, whole: Collection[str] = (), decide: bool = False
) -> LossChoice:
    """Choose the column that is the loss."""
    given = list(given)
    candidates = [name for name in given if sounds_like_loss(name)]
    rest = [name for name in candidates if name != LETTER]
    if LETTER in candidates and (LETTER in whole or rest):
        candidates = rest
    if not candidates:
        return LossChoice(name=None)
    held = [n for n in candidates if is_held_out(n)]
    train = [n for n in candidates if is_training(n)]
    plain = [n for n in candidates if n not in held and n not in train]
    known = [n for n in plain if canonical_name(n) == "loss"]
    best = held or known or plain or train
    if decide:
        best = sorted(held, key=_depth)[:1] or sorted(known or plain or train, key=_depth)[:1]
    elif held and known:
        best = held + known
    if len(best) > 1:
        if len(amount_columns(best)) == len(best):
            return LossChoice(
                name=None,
                problem=f"columns {listed(best)} are losses at several sizes; one row per run is "
                "wanted: --columns wide melts them (in Python columns='wide'), or for one size "
                f"{say_which(best[0], 'loss')}",
            )
        return LossChoice(
            name=None,
            problem=f"columns {listed(best)} {'both' if len(best) == 2 else 'all'} mean 'loss'; "
            f"say which: {say_which(best[0], 'loss')}",
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
    unit = re.search(r"[(\[]([^()\[\]]*(?:nat|bit|%|1e-?\d|10\^)[^()\[\]]*)[)\]]", name)
    if unit and loss_factor(unit[1]) is None and not per_byte(name):
        doubt = (
            f"the unit {unit[1]!r} of {name!r} is not known: its numbers are kept as given; for "
            f"nats per token, --columns 'loss={shown_in_formula(name)}*UNIT'"
        )
    if _is_log(name):
        doubt = (
            f"{name!r} may be the log of a loss, or the log loss, which is a loss; if it is a log, "
            f"--columns 'loss=exp({shown_in_formula(name)})'"
        )
    return LossChoice(
        name=name, said="" if direct and (name == "loss" or not others) else said, doubt=doubt
    )


def amount_columns(given: Iterable[str]) -> dict[str, tuple[float, str]]:
    """Return the columns of losses at an amount, as ``loss@0.4B``, with the amount and its noun.

    Examples
    --------
    >>> amount_columns(["params", "loss@0.4B", "loss@1.6B"])
    {'loss@0.4B': (400000000.0, ''), 'loss@1.6B': (1600000000.0, '')}
    >>> amount_columns(["loss_1", "loss_2"])
    {}
    """
    found: dict[str, tuple[float, str]] = {}
    stems = set()
    for name in given:
        parts = _AT_AMOUNT.fullmatch(name.strip())
        amount = None if parts is None else read_amount(parts[2], "flops")
        if parts is None or amount is None or not sounds_like_loss(parts[1]):
            continue
        stems.add(parts[1])
        noun = re.search(r"(?i)(token|param|step|flop)", name[len(parts[1]) :])
        found[name] = amount, "" if noun is None else noun[1].lower() + "s"
    return found if len(found) > 1 and len(stems) == 1 else {}


def _is_log(name: str) -> bool:
    """Whether a heading may mean the log of a loss; logloss in one word is a loss."""
    return bool(re.search(r"(?i)(?<![a-z])log(?![a-z0-9])", name))


def _depth(name: str) -> tuple[int, int, int]:
    """Rank likely losses: names of the vocabulary, then the shallower and the shorter."""
    heading = read_heading(name)
    certain = 3 if heading is None else heading.certainty
    order = [word for word in ("val", "valid", "validation") if word in words_of(name)]
    return (certain if order else certain + 1, len(re.split(r"[./]", name)), len(name))


@dataclass(frozen=True, kw_only=True)
class Resolution:
    """What the columns of a file are called from here on.

    Parameters
    ----------
    names : Mapping of str to str
        From each given name to the name in the table, in the file's order.
    notes : tuple of str
        What was set aside, or chosen among several.
    doubts : tuple of str
        What was chosen and may be wrong.
    problems : tuple of str
        Why the names cannot be used; empty when they can.
    headings : Mapping of str to Heading
        How the numbers of a given name are read, where its heading has a unit.
    """

    names: Mapping[str, str]
    notes: tuple[str, ...]
    problems: tuple[str, ...]
    doubts: tuple[str, ...] = ()
    headings: Mapping[str, Heading] = field(default_factory=dict)


def resolve(
    given: Iterable[str],
    columns: Mapping[str, str] | None = None,
    *,
    whole: Collection[str] = (),
) -> Resolution:
    """Map the column names of a file to the vocabulary.

    Parameters
    ----------
    given : iterable of str
        Names as the file has them.
    columns : Mapping of str to str, optional
        From a name in the file to a canonical name (or an alias of one, or any other name to
        keep). It wins over the aliases.
    whole : collection of str
        Names whose numbers are all whole; a column of layers is no loss.

    Returns
    -------
    Resolution
    """
    given = list(given)
    problems: list[str] = []
    notes: list[str] = []
    doubts: list[str] = []
    asked: dict[str, str] = {}
    for name, target in (columns or {}).items():
        if name in given:
            asked[name] = canonical_name(target) or target
        else:
            close = nearest(name, given)
            hint = f"; did you mean {close!r}?" if close else ""
            problems.append(
                f"columns maps {name!r}, which the table does not have{hint} "
                f"(it has {listed(given)})"
            )
    headings = {name: heading for name in given if (heading := read_heading(name)) is not None}
    meant = {name: heading.target for name, heading in headings.items()}
    losses = {name for name in given if name not in asked and sounds_like_loss(name)}
    for name in losses:
        meant.pop(name, None)
    if "loss" not in asked.values():
        choice = choose_loss((n for n in given if n in losses), whole=whole)
        if choice.name is not None:
            meant[choice.name] = "loss"
        notes += [choice.said] if choice.said else []
        doubts += [choice.doubt] if choice.doubt else []
        problems += [choice.problem] if choice.problem else []
    _drop_the_less_certain(meant, headings, asked)
    names = _named(given, asked, meant, notes)
    problems += _claimed_twice(given, names)
    read = {
        name: headings[name]
        for name in given
        if name in headings and names[name] == headings[name].target
    }
    return Resolution(
        names=names,
        notes=tuple(notes),
        problems=tuple(problems),
        doubts=tuple(doubts),
        headings=read,
    )


def say_which(name: str, target: str) -> str:
    """Return how to say that a column is another, in a shell and in Python."""
    shown = f"`{name}`" if {",", "="} & set(name) and "`" not in name else name
    pair = f"{shown}={target}"
    quoted = shlex.quote(pair) if "'" in pair else f"'{pair}'"
    return f"--columns {quoted} (in Python columns={{{name!r}: {target!r}}})"


def _drop_the_less_certain(
    meant: dict[str, str], headings: Mapping[str, Heading], asked: Mapping[str, str]
) -> None:
    """Leave one claim on each column where the others are less certain of it."""
    by_target: dict[str, list[str]] = {}
    for name, target in meant.items():
        by_target.setdefault(target, []).append(name)
    for target, claims in by_target.items():
        if target == "loss":
            continue
        rank = {name: headings[name].certainty for name in claims}
        best = min(rank.values())
        tied = [name for name in claims if rank[name] == best]
        for name in claims:
            if name in asked:
                continue
            if rank[name] > best or (best == 2 and len(tied) > 1):
                del meant[name]


def _named(
    given: list[str], asked: Mapping[str, str], meant: Mapping[str, str], notes: list[str]
) -> dict[str, str]:
    taken = set(asked.values())
    names: dict[str, str] = {}
    for name in given:
        target = asked.get(name) or meant.get(name) or name.strip()
        if name not in asked and target in taken:
            target = name.strip()
            if target in taken:
                target = f"{target}_unmapped"
                notes.append(
                    f"column {name!r} rides along as {target!r}: columns gives "
                    "that name to another column"
                )
        names[name] = target
    return names


def _claimed_twice(given: list[str], names: Mapping[str, str]) -> list[str]:
    problems = []
    claims: dict[str, list[str]] = {}
    for name in given:
        claims.setdefault(names[name], []).append(name)
    for target, rivals in claims.items():
        if len(rivals) > 1:
            both = "both" if len(rivals) == 2 else "all"
            problems.append(
                f"columns {listed(rivals)} {both} mean {target!r}; say which: "
                f"{say_which(rivals[0], target)}, or delete the other{'s' * (len(rivals) > 2)}"
            )
    return problems


# ---- what was left out ---------------------------------------------------------------------------

_SIZE_WORDS = frozenset(
    "token tokens tok toks flop flops flos gflops tflops pflops compute budget epoch epochs iter "
    "iters iteration iterations step steps hour hours hrs gpuh gpuhours day days byte bytes gb tb "
    "char chars character characters sample samples example examples sequence sequences".split()
)
_TOKENS = frozenset("token tokens tok toks".split())
_PARAMS = frozenset("param params parameter parameters".split())
_UNIQUE = frozenset("unique dataset data".split())
_OTHERS = frozenset(
    "loss acc accuracy score error err std ppl perplexity rank seed index row line date year mfu "
    "runtime elapsed duration norm gradient grad rate throughput temperature price cost layers "
    "width heads".split()
)
_NO_SIZE = frozenset(
    "warmup decay eval save log logging second seconds sec s ms time max schedule lr core "
    "outlier flag is mask vocab id size length tokenizer accumulation cooldown anneal stable every "
    "interval".split()
)


def sounds_like_size(name: str) -> bool:
    """Whether the heading of an unread column sounds like tokens, compute or steps."""
    words = words_of(name)
    low = set(words)
    if "per" in words:
        return bool(low & _SIZE_WORDS) and bool(set(words[words.index("per") + 1 :]) & _PARAMS)
    if _of_log(name) or low & {"tpp", "chinchilla"} or fold(name) == "d_n":
        return True
    if "size" in low and low & {"data", "dataset"}:
        return True
    return bool(low & _SIZE_WORDS) and not low & _NO_SIZE


def advice_on_size(
    name: str, raw: Collection[str] = (), columns: Mapping[str, NDArray[Any]] | None = None
) -> str:
    """Return how an unread size would be used, as one option."""
    shown = shown_in_formula(name)
    low = set(words_of(name))
    scale = magnitude(name)
    plain = f"--columns '{shown}={{}}'" if scale == "" and shown == name else ""
    renamed = plain or f"--columns '{{}}={shown}{scale}'"
    if meant := _of_log(name):
        return f"--columns '{meant}=10**{shown}' (or exp({shown}), of a natural log)"
    if (low & _PARAMS and low & _TOKENS) or low & {"tpp"} or fold(name) == "d_n":
        return f"--columns 'tokens={shown}*params'"
    if low & {"chinchilla"}:
        return f"--columns 'tokens={shown}*20*params' (of 20 tokens per parameter)"
    if target := unknown_unit(name):
        return f"--columns '{target}={shown}*UNIT' with what its unit is for UNIT"
    if low & _PARAMS:
        return renamed.format("params")
    if low & {"gb", "tb", "byte", "bytes", "char", "chars", "character", "characters"}:
        scale = "*1e12" if "tb" in low else "*1e9" if "gb" in low else scale
        return f"--columns 'tokens={shown}{scale}/4' (a token of English is about 4 bytes)"
    if low & {"sample", "samples", "example", "examples", "sequence", "sequences"}:
        of = "batch_size" if "batch" in low else "tokens"
        return f"--columns '{of}={shown}{scale}*2048' with your context length for 2048"
    if low & {"day", "days"}:
        return hours_advice(name, raw, columns)
    if low & {"epoch", "epochs"}:
        unique = next(filter(tells_unique, raw), None)
        if unique is None:
            return f"--columns 'tokens=UNIQUE_TOKENS*{shown}' with the tokens of one epoch"
        return f"--columns 'tokens={shown_in_formula(unique)}*{shown}'"
    if low & {"hour", "hours", "hrs", "gpuh", "gpuhours"}:
        return hours_advice(name, raw, columns)
    if "batch" in low:
        return renamed.format("batch_size")
    if low & _TOKENS or low & {"data", "dataset"}:
        return renamed.format("tokens")
    if low & {"step", "steps", "iter", "iters", "iteration", "iterations"}:
        return renamed.format("steps")
    return renamed.format("flops")


def _of_log(name: str) -> str | None:
    """Return the column that a heading is the log of, to a base it does not say."""
    found = re.fullmatch(r"(?i)log[\s_]*[(\[]?\s*(.+?)\s*[)\]]?|(.+?)[\s_]+[(\[]?log[)\]]?", name)
    return canonical_name(found[1] or found[2]) if found else None


def magnitude(name: str) -> str:
    """Return "*1e9" for a heading with a B, G or billions in it, "" for one without."""
    for word in re.split(r"[^A-Za-z]+", name):
        if word in ("k", "K", "M", "B", "G", "T") or (len(word) > 2 and count_factor(word)):
            factor = count_factor(word)
            if factor != 1.0:
                return f"*{factor:.0e}".replace("e+0", "e").replace("e+", "e")
    return ""


def tells_unique(name: str) -> bool:
    """Whether a heading counts the tokens of a data set, of one epoch."""
    words = low_words(name)
    return bool(words & _UNIQUE and words & _TOKENS)


def is_beside(name: str) -> bool:
    """Whether a heading tells of time, settings or a loss, and of no size."""
    words = low_words(name)
    return bool(words & (_NO_SIZE - {"max", "size", "is"} | _OTHERS)) or sounds_like_loss(name)


def low_words(name: str) -> set[str]:
    """Return the words of a heading in lower case."""
    return set(words_of(name))


def perplexity_advice(given: Iterable[str]) -> str | None:
    """Return what to do with a perplexity in place of a loss; None where there is none."""
    wrong = next((name for name in given if is_perplexity(name)), None)
    if wrong is None:
        return None
    shown = shown_in_formula(wrong)
    return f"{wrong!r} is no loss but exp(loss): --columns 'loss=log({shown})'"
