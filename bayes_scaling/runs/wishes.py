"""What a user says of the columns: ``OLD=NEW`` and ``NEW=EXPRESSION``, and which rows to keep.

The same words in a shell (``--columns 'Verlust=loss,tokens=20*params'``) and in Python
(``columns={"Verlust": "loss", "tokens": "20*params"}``). Expressions are read by the formula parser
of the laws. A name in them is a column as the file calls it, or else one of the vocabulary; a name
with other signs stands in backticks.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.formula.nodes import Call, Name, Node, Text, evaluate, names as names_in, walk
from bayes_scaling.formula.parse import check_names, parse_condition, parse_formula
from bayes_scaling.runs.cells import COUNTS, Commas, Numbers, compute_factor, read_numbers
from bayes_scaling.runs.columns import canonical_name, fold, listed
from bayes_scaling.runs.headings import read_heading
from bayes_scaling.runs.metrics import read_unit, unit_after

Cells = Mapping[str, Sequence[Any] | NDArray[Any]]
Columns = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What the user said of the columns of one table.

    Parameters
    ----------
    renamed : Mapping of str to str
        From names in the file to those in the table.
    formulas : Mapping of str to str
        From names in the table to expressions of columns.
    """

    renamed: Mapping[str, str]
    formulas: Mapping[str, str]


def read_wishes(text: str) -> dict[str, str]:
    """Part ``'OLD=NEW,NEW=EXPRESSION'`` into its pairs."""
    pairs: dict[str, str] = {}
    problems = []
    for piece in _pieces(text):
        left, sign, right = (part.strip() for part in _parted(piece))
        if not (left and sign and right):
            problems.append(
                f"--columns takes OLD=NEW or NEW=EXPRESSION between commas, got {piece.strip()!r}"
            )
        elif left in pairs:
            problems.append(f"--columns says twice what {left!r} is")
        else:
            pairs[left] = right
    if problems:
        raise InputError(problems)
    return pairs


def sort_wishes(pairs: Mapping[str, str], names: Iterable[str]) -> Wishes:
    """Tell new names from expressions, by what the file has."""
    names = list(names)
    renamed: dict[str, str] = {}
    formulas: dict[str, str] = {}
    problems = []
    ends = [[_found(end.strip("`"), names) for end in pair] for pair in pairs.items()]
    moved = {old or new for old, new in ends if (old is None) != (new is None)}
    for left, right in pairs.items():
        # A column that another pair moves leaves its name to this one.
        old = _found(left.strip("`"), names)
        signed = right[:1] in "+-" and right not in names
        bare = None if signed else _found(right.strip("`"), names)
        plain = right.strip("`") in names or re.fullmatch(r"[^+*()^<>=]+", right) is not None
        if bare is not None and (old is None or (old in moved and old != bare)):
            renamed[bare] = left.strip("`")
        elif old is not None and bare in moved and old != bare:
            renamed[old] = right.strip("`")
        elif old is not None and bare is not None and plain and old != bare:
            to_right, to_left = canonical_name(right), canonical_name(left)
            if (to_left is None) == (to_right is None):
                problems.append(
                    f"--columns {left}={right}: the table has both columns; which of them is "
                    f"meant? Rename the other one too, as in {right}=other,{left}={right}, or "
                    f"write {left}={right}*1 for {left!r} to take the numbers of {right!r}"
                )
            elif to_left is None:
                renamed[old] = right
            else:
                renamed[bare] = left
        elif _is_expression(right, names, old is not None):
            formulas[left.strip("`")] = right
        else:
            renamed[old or left] = right.strip("`")
    if problems:
        raise InputError(problems)
    return Wishes(renamed=renamed, formulas=formulas)


def apply_formulas(
    cells: Cells, wishes: Wishes, *, commas: Commas | None = None
) -> tuple[dict[str, Sequence[Any] | NDArray[Any]], dict[str, str], list[str]]:
    """Add the columns that expressions make."""
    made: dict[str, Sequence[Any] | NDArray[Any]] = {}
    renamed = dict(wishes.renamed)
    notes = []
    problems: list[str] = []
    replaced: set[str] = set()
    for target, text in wishes.formulas.items():
        plain, quoted = _without_backticks(plain_amounts(text))
        try:
            node = parse_formula(plain)
        except InputError as error:
            problems += [f"--columns {target}={text}: {problem}" for problem in error.problems]
            continue
        values = {}
        for name in sorted(names_in(node)):
            called = quoted.get(name, name)
            read = _numbers(called, {**cells, **made}, wishes, commas)
            if read is None:
                problems.append(
                    f"--columns {target}={text}: no column {called!r}; the table has "
                    f"{listed(cells)}"
                )
                continue
            said = _unread(called, read, text)
            if said:
                problems.append(f"--columns {target}={text}: {said}")
            else:
                values[name] = read.values
        if set(values) < names_in(node):
            continue
        size = len(next(iter(cells.values()), ()))
        with np.errstate(all="ignore"):
            result = np.broadcast_to(np.asarray(evaluate(node, values), dtype=float), (size,))
        key = target if target not in cells else f"{target} = {text}"
        replaced |= ({target} & set(cells)) - set(wishes.renamed)
        made[key] = np.array(result)
        renamed[key] = canonical_name(target) or target
        notes.append(f"{canonical_name(target) or target} = {text}")
    if problems:
        raise InputError(problems)
    kept = {name: values for name, values in cells.items() if name not in replaced}
    metric = next((n for n in kept if canonical_name(renamed.get(n, n)) == "metric"), None)
    made_of = {canonical_name(target): text for target, text in wishes.formulas.items()}
    if metric is not None and "loss" in made_of:
        named = {str(text) for text in kept[metric] if isinstance(text, str)}
        after = {text: _unit_after(made_of["loss"], text) for text in sorted(named)}
        moved = {text: new for text, new in after.items() if new != text}
        if moved:
            kept[metric] = [moved.get(str(text), text) for text in kept[metric]]
        notes += [
            f"metric {text!r} is {new!r}, as loss = {made_of['loss']}"
            for text, new in moved.items()
        ]
    return {**made, **kept}, renamed, notes


def _unit_after(formula: str, metric: str) -> str:
    """Return a metric of a loss that a formula has brought to another unit."""
    unit = read_unit(metric)
    return metric if unit is None else unit_after(formula, unit) or metric


def names_of(formula: str) -> list[str]:
    """Return the names in an expression, without backticks; none of one that cannot be read."""
    plain, quoted = _without_backticks(plain_amounts(formula))
    try:
        return sorted(quoted.get(name, name) for name in names_in(parse_formula(plain)))
    except InputError:
        return []


def columns_in(formula: str, names: Collection[str]) -> tuple[str, ...]:
    """Return the columns that an expression reads, as the file calls them.

    Parameters
    ----------
    formula : str
        As ``--columns`` takes it.
    names : collection of str
        Columns of the file.

    Returns
    -------
    tuple of str
        None of an expression that cannot be read.
    """
    found = (_found(name, list(names)) for name in names_of(formula))
    return tuple(name for name in found if name is not None)


def made_of(notes: Iterable[str]) -> dict[str, str]:
    """Return the expressions that made columns, by the column, from the notes on a table."""
    pairs = (note.partition(" = ") for note in notes)
    return {left: right for left, sign, right in pairs if sign and not set(left) & set("':;")}


def columns_read(notes: Iterable[str], names: Collection[str]) -> set[str]:
    """Return the columns that expressions have read, from the notes on a table."""
    return {name for formula in made_of(notes).values() for name in columns_in(formula, names)}


def rises_in(formula: str) -> str | None:
    """Return the one name in an expression that rises with it, as ``accuracy*100``; else None.

    Examples
    --------
    >>> rises_in("`top 1 acc`/100"), rises_in("1-accuracy")
    ('top 1 acc', None)
    """
    plain, quoted = _without_backticks(plain_amounts(formula))
    try:
        node = parse_formula(plain)
        (name,) = names_in(node)
        with np.errstate(all="ignore"):
            made = evaluate(node, {name: np.array([0.2, 0.4, 0.6])})
    except (InputError, ValueError):
        return None
    return quoted.get(name, name) if bool((np.diff(made) > 0).all()) else None


def rows_that_meet(columns: Mapping[str, NDArray[Any]], where: str) -> NDArray[np.intp]:
    """Return the positions of the rows (n_chosen,) that meet a condition."""
    plain, quoted = _without_backticks(plain_amounts(where))
    node = parse_condition(plain)
    wanted = names_in(node)
    known = list(columns)
    chosen: dict[str, NDArray[Any]] = {}
    for name in wanted:
        found = _found(quoted.get(name, name), known)
        if found is None and (meant := canonical_name(name)) in columns:
            found = meant
        if found is not None:
            chosen[name] = columns[found]
    if len(chosen) < len(wanted):
        problems = check_names(node, [*known, *chosen], where=f"condition {where!r}")
        raise InputError(problems)
    size = len(next(iter(columns.values()), ()))
    return np.flatnonzero(mask_of(node, chosen, size, where=f"condition {where!r}"))


def mask_of(node: Node, columns: Columns, size: int, *, where: str) -> NDArray[np.bool_]:
    """Return which rows (n_rows,) meet a condition."""
    problems = check_names(node, columns, where=where)
    problems = problems or _mixed_comparisons(node, columns, where)
    if problems:
        raise InputError(problems)
    mask = np.broadcast_to(evaluate(node, columns), (size,)).astype(bool)
    if not mask.any():
        raise InputError(f"{where}: none of {size} runs meets it")
    return mask


def _mixed_comparisons(node: Node, columns: Columns, where: str) -> list[str]:
    """Return a problem for every operation that mixes or computes with text."""

    def is_text(item: Node) -> bool:
        text_column = isinstance(item, Name) and columns[item.id].dtype.kind != "f"
        return isinstance(item, Text) or text_column

    problems = []
    for item in walk(node):
        if not isinstance(item, Call):
            continue
        texts = [is_text(arg) for arg in item.args]
        if any(texts) and not (all(texts) and item.op in ("==", "!=")):
            problems.append(f"{where}: text can only be compared with text, by == or !=")
    return problems


def plain_amounts(text: str) -> str:
    """Write the amounts of an expression as plain numbers: ``params >= 100M`` as ``... 1e+08``.

    Parameters
    ----------
    text : str
        A formula or a condition; quoted text is left alone.

    Returns
    -------
    str
    """
    number = r"(?<![\w.])(\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)"
    pieces = re.split(r"(\"[^\"]*\"|'[^']*'|`[^`]*`)", text)

    def with_unit(found: re.Match[str]) -> str:
        unit = found[2]
        factor = COUNTS.get(unit.lower()) or compute_factor(unit)
        return found[0] if factor is None else f"{float(found[1]) * factor!r}"

    for place in range(0, len(pieces), 2):
        piece = re.sub(
            number + r"\s*([kmgtpezKMGTPEZ]?F(?:LOPs?|LOP/s)?[- ]days?|[kmgtpezKMGTPEZ]?FLOPs?)\b",
            with_unit,
            pieces[place],
        )
        pieces[place] = re.sub(number + r"\s?([kKmMbBgGtT])(?![\w(])", with_unit, piece)
    return "".join(pieces)


def _numbers(name: str, cells: Cells, wishes: Wishes, commas: Commas | None) -> Numbers | None:
    """Read a column of numbers by the file's name for it, or by what it means."""
    found = _found(name, list(cells))
    heading = None
    if found is None:
        target = canonical_name(name) or name
        renamed = [
            old for old, new in wishes.renamed.items() if (canonical_name(new) or new) == target
        ]
        meant = [n for n in cells if (h := read_heading(n)) is not None and h.target == target]
        found = next((n for n in (*renamed, *meant) if n in cells), None)
        heading = read_heading(found) if found is not None and found in meant else None
    if found is None:
        return None
    own = read_heading(found)
    read = read_numbers(cells[found], target="tokens" if own is None else own.target, commas=commas)
    if read.unread and all(text.endswith("%") for text in read.unread.values()):
        read = read_numbers(cells[found], target="score", commas=commas)
    return read if heading is None else replace(read, values=heading.apply(read.values))


def _unread(name: str, read: Numbers, formula: str) -> str:
    """Return why the cells of a column cannot be reckoned with; "" where they can."""
    first = next(iter(read.amounts.values()), "")
    if first.endswith("%") and re.search(r"/\s*100(?![\d.])", formula):
        return (
            f"{name!r} has percent signs and is read as shares ({first!r} as "
            f"{next(iter(read.values[list(read.amounts)])):g}): leave /100 out"
        )
    if read.unread and not np.isfinite(read.values).any():
        return f"{name!r} has text ({next(iter(read.unread.values()))!r}) where numbers belong"
    return ""


def _found(name: str, names: Sequence[str]) -> str | None:
    """Return the column that is called so, or the only one whose folded name is that."""
    if name in names:
        return name
    alike = [other for other in names if _identifier(other) == _identifier(name)]
    return alike[0] if len(alike) == 1 else None


def _identifier(name: str) -> str:
    return re.sub(r"\W+", "_", fold(name)).strip("_")


def _is_expression(text: str, names: Sequence[str], is_old: bool) -> bool:
    """Whether the right side of a pair computes something; a new name may have any signs."""
    plain, quoted = _without_backticks(plain_amounts(text))
    try:
        node = parse_formula(plain)
    except InputError:
        return bool(re.search(r"[*+()^]", text)) and not is_old
    used = names_in(node)
    if not used:
        return True
    if plain.strip() in used:
        return False
    return not is_old or any(
        _found(quoted.get(name, name), names) or canonical_name(name) for name in used
    )


def _without_backticks(text: str) -> tuple[str, dict[str, str]]:
    """Put identifiers in place of the names in backticks."""
    quoted: dict[str, str] = {}

    def named(found: re.Match[str]) -> str:
        name = f"column_{len(quoted)}_"
        quoted[name] = found[1]
        return name

    return re.sub(r"`([^`]+)`", named, text), quoted


def _pieces(text: str) -> list[str]:
    pieces, depth, quote, start = [], 0, "", 0
    for place, sign in enumerate(text):
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "`\"'":
            quote = sign
        elif sign in "([":
            depth += 1
        elif sign in ")]":
            depth -= 1
        elif sign == "," and depth <= 0 and "=" in text[place:]:
            pieces.append(text[start:place])
            start = place + 1
    return [*pieces, text[start:]]


def _parted(piece: str) -> tuple[str, str, str]:
    inside = re.match(r"\s*`[^`]*`\s*", piece)
    start = inside.end() if inside else 0
    left, sign, right = piece[start:].partition("=")
    return piece[:start] + left, sign, right
