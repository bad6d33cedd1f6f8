"""The one way from raw columns to a RunTable: name, read, complete, check, all problems at once."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import BayesScalingWarning, InputError
from bayes_scaling.runs.cells import (
    Commas,
    Numbers,
    Rows,
    as_text,
    comma_of,
    commas_of,
    parts_of,
    read_numbers,
    read_text,
)
from bayes_scaling.runs.columns import COLUMNS, SIZES
from bayes_scaling.runs.counting import complete
from bayes_scaling.runs.doubts import copies, doubts, unread_columns
from bayes_scaling.runs.error_rates import choose_error_rate, label_of_loss, name_error_rate
from bayes_scaling.runs.faults import by_row, faults_of, lesser_faults
from bayes_scaling.runs.finetuning import finetuning_problems
from bayes_scaling.runs.headings import describe_unit, in_sequences, read_heading
from bayes_scaling.runs.loss_units import is_text, unit_of_loss
from bayes_scaling.runs.named_runs import name_of_runs, tokens_of_the_end, unnamed_checkpoints
from bayes_scaling.runs.plausible import implausible, option
from bayes_scaling.runs.resolve import LETTER, Resolution, resolve
from bayes_scaling.runs.rising import rising_losses
from bayes_scaling.runs.wishes import columns_read, made_of, rows_that_meet

DIVERGED = "diverged"
"""The column that marks runs to be set aside: 1 or true, and 0, false or nothing for others. A law
of training explains no diverged run, and the table need not make up a loss for one."""

Cells = Mapping[str, Sequence[Any] | NDArray[Any]]
WARNING = "warning: "  # notes that start so were also issued as a BayesScalingWarning
_NOT_FINITE = frozenset({"nan", "inf", "-inf", "+inf", "infinity", "-infinity"})
_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


@dataclass(frozen=True, kw_only=True)
class Assembled:
    """What a `RunTable` is made of.

    Parameters
    ----------
    columns : Mapping of str to array, dims (row,)
        Canonical columns, completed.
    notes : tuple of str
    origins : Mapping of str to str
        What each column was in the file.
    """

    columns: Mapping[str, NDArray[Any]]
    notes: tuple[str, ...]
    origins: Mapping[str, str]


def assemble(
    raw: Cells,
    *,
    rows: Rows,
    source: str | None = None,
    columns: Mapping[str, str] | None = None,
    notes: Sequence[str] = (),
    problems: Sequence[str] = (),
    where: str | None = None,
    commas: Commas | None = None,
    needs_loss: bool = True,
    drop_empty: bool = False,
) -> Assembled:
    """Check and complete the columns of a table.

    Parameters
    ----------
    raw : Mapping of str to sequence, dims (row,)
        Columns by their given names: numbers, text, None or NaN.
    rows : Rows
        Names of the rows, for the messages.
    source : str, optional
        What to call the table in an error.
    columns : Mapping of str to str, optional
        From given names to canonical ones, ahead of the aliases.
    notes, problems : sequence of str
        What a reader has already done, and already found wrong.
    where : str, optional
        A condition on rows; what is wrong with the others is not looked at.
    commas : {"decimal", "thousands"}, optional
        What commas in numbers are, where the file does not say.
    needs_loss : bool
        Whether there must be a finite loss; not for a table of sizes, or a run in flight, where a
        loss that was logged as NaN or infinite becomes inf.
    drop_empty : bool
        Whether rows without a loss, or with one that is not finite, are left out.

    Returns
    -------
    Assembled

    Raises
    ------
    InputError
        With every problem of the table.
    """
    lengths = {name: len(values) for name, values in raw.items()}
    if len(set(lengths.values())) > 1:
        said = ", ".join(f"{name!r} has {length}" for name, length in lengths.items())
        raise InputError([*problems, f"columns differ in length: {said}"], source=source)
    log = list(notes)
    faults = list(problems)
    commas = commas or commas_in(raw)
    columns, unclear = choose_error_rate(raw, columns, commas=commas)
    resolved = resolve(raw, columns, whole=_whole(raw))
    faults += [*resolved.problems, *unclear]
    if not len(rows) or not raw:
        raise InputError([*faults, "the table has no rows; give one row per run"], source=source)

    raw, rows, set_aside, unmarked = _without_diverged(raw, rows, resolved.names)
    faults += unmarked
    if not len(rows):
        raise InputError("every run is marked as diverged; nothing is left", source=source)
    log += resolved.notes
    given, unread = _read(raw, resolved, rows, commas, log)
    if not needs_loss and "loss" in given:
        name = next(n for n, target in resolved.names.items() if target == "loss")
        given["loss"] = _with_divergence(given["loss"], raw[name])
    called = {resolved.names[name]: name.strip() for name in reversed(list(raw))}
    if where or drop_empty:
        given, unread, rows = _chosen(given, unread, rows, where, drop_empty, log, source, called)
    read = given
    given, rates, in_percent = name_error_rate(read, called, log)
    made = set(given) - set(read)
    log += rates
    completed = complete(given)
    log += completed.notes
    done = dict(completed.columns)
    named = name_of_runs(done, called)
    if named is not None:
        done["run"] = given["run"] = read_text(given.pop(named[0]))
        del done[named[0]]
        called["run"] = called.get(named[0], named[0])
        log += [named[1]] if named[1] else []
    done["run"] = _run_ids(given.get("run"), rows, log)
    if "run" in given:
        given["run"] = done["run"]
    checked = given if needs_loss else {n: v for n, v in given.items() if n != "loss"}
    faults += faults_of(
        checked, unread, rows, called, resolved.names, needs_loss=needs_loss and not unclear
    )
    faults += finetuning_problems(done, rows)
    if faults:
        faults += lesser_faults(given, unread, rows, called)
        raise InputError(by_row(faults), source=source)

    log += _gaps(done, rows)
    spent = columns_read(log, resolved.names)
    names = {
        name: target
        for name, target in resolved.names.items()
        if name not in spent and (named is None or target != named[0])
    }
    label, formula = label_of_loss(called, log)
    risen = rising_losses(done, rows, label, formula)
    text = is_text(unit_of_loss(label, formula=formula), called.get("tokens"))
    for doubt in (
        *resolved.doubts,
        *set_aside,
        *in_percent,
        *unread_columns(names, done),
        *doubts(given, rows),
        *(implausible(given, done, rows, called, text=text) if needs_loss else ()),
        *(
            []
            if "run" in given or not needs_loss
            else unnamed_checkpoints(given_and_sizes(given, done), rows, called)
        ),
        *(tokens_of_the_end(done, rows) if needs_loss else ()),
        *risen,
    ):
        log.append(WARNING + doubt)
        said = f"{source}: {doubt}" if source else doubt
        warnings.warn(said, BayesScalingWarning, skip_file_prefixes=(_PACKAGE,))
    first = ("run", *(name for name in COLUMNS if name in done and name != "run"))
    kept = np.ones(len(rows), dtype=bool)
    for group in copies(given):
        kept[group[1:]] = False
    ordered = {name: done[name][kept] for name in dict.fromkeys((*first, *done))}
    origins = _origins(resolved, {n: v for n, v in given.items() if n not in made}, called)
    origins |= {name: text for name, text in made_of(log).items() if name in origins}
    return Assembled(columns=ordered, notes=tuple(log), origins=origins)


def _with_divergence(
    loss: NDArray[np.float64], cells: Sequence[Any] | NDArray[Any]
) -> NDArray[np.float64]:
    """Make inf of losses that were logged and not finite; what was not logged stays NaN."""
    lost = ~np.isfinite(loss)
    if isinstance(cells, np.ndarray):
        finite = np.flatnonzero(~lost)
        first = int(finite[-1]) + 1 if finite.size else 0
        lost[:first] &= np.isinf(loss[:first])
        lost[first:] &= not np.isnan(loss[:first]).any()
        return np.where(lost, np.inf, loss)
    said = np.array(
        [isinstance(cell, float) or as_text(cell).lower() in _NOT_FINITE for cell in cells]
    )
    return np.where(lost & said, np.inf, loss)


def given_and_sizes(
    given: Mapping[str, NDArray[Any]], done: Mapping[str, NDArray[Any]]
) -> dict[str, NDArray[Any]]:
    """Return the columns of the file, and the sizes that complete them."""
    return {**{name: done[name] for name in SIZES if name in done}, **given}


def _read(
    raw: Cells,
    resolved: Resolution,
    rows: Rows,
    commas: Commas | None,
    log: list[str],
) -> tuple[dict[str, NDArray[Any]], dict[str, Mapping[int, str]]]:
    """Read every column as numbers or text, in the units of the vocabulary."""
    given: dict[str, NDArray[Any]] = {}
    unread: dict[str, Mapping[int, str]] = {}
    for name, values in raw.items():
        target = resolved.names[name]
        if target in given:
            continue  # named twice, already a problem
        column = COLUMNS.get(target)
        if column is None:
            given[target] = _ride_along(name, values, rows, log, commas)
        elif column.kind == "text":
            given[target] = read_text(values)
        else:
            read = read_numbers(values, truth=target == DIVERGED, target=target, commas=commas)
            given[target], unread[target] = read.values, read.unread
            if read.amounts:
                log.append(_say_amounts(name, target, read, rows))
            heading = resolved.headings.get(name)
            if heading is not None and heading.unit:
                bare = np.ones(len(rows), dtype=bool)
                bare[[i for i, text in read.amounts.items() if _has_unit(text)]] = False
                given[target] = np.where(bare, heading.apply(read.values), read.values)
                if heading.converts or heading.certainty == 1:
                    unit = f" [{describe_unit(target)}]" if describe_unit(target) else ""
                    log.append(f"{target}{unit} is {heading.say(name)}")
            if target == "loss" and (unit := unit_of_loss(name)).startswith("bits per "):
                log.append(
                    f"loss is {name!r} in {unit}, as given, and answers are in {unit}; for nats "
                    f"{unit.removeprefix('bits ')} {option('loss', name, '{}*0.6931')}"
                )
    for name in raw:
        context = given.get("context_length")
        own = given.get(resolved.names[name])
        if context is None or own is None or "batch_size" in given or not in_sequences(name):
            continue
        if own.dtype.kind == "f":
            given["batch_size"] = own * context
            log.append(f"batch_size [tokens] is {name!r} x context_length")
    return given, unread


def _has_unit(text: str) -> bool:
    parts = parts_of(text)
    return parts is not None and bool(parts[1])


def _say_amounts(name: str, target: str, read: Numbers, rows: Rows) -> str:
    first = next(iter(read.amounts))
    count = len(read.amounts)
    share = "" if count == len(rows) else f" ({count} of {len(rows)} rows)"
    lost = "; what follows ± is not read" if "±" in read.amounts[first] else ""
    return f"{name!r}: {read.amounts[first]!r} is read as {read.values[first]:.12g}{share}{lost}"


def _chosen(
    given: dict[str, NDArray[Any]],
    unread: dict[str, Mapping[int, str]],
    rows: Rows,
    where: str | None,
    drop_empty: bool,
    log: list[str],
    source: str | None,
    called: Mapping[str, str],
) -> tuple[dict[str, NDArray[Any]], dict[str, Mapping[int, str]], Rows]:
    """Keep the rows that meet a condition, before anything is checked."""
    keep = np.arange(len(rows))
    if where:
        try:
            columns = complete(given).columns
            theirs = {name: columns[target] for target, name in called.items() if target in columns}
            keep = rows_that_meet({**theirs, **columns}, where)
        except InputError as error:
            raise InputError(list(error.problems), source=source) from None
    response = next((name for name in ("loss", "score") if name in given), None)
    if drop_empty and response is not None:
        known = np.isfinite(given[response][keep]) & ~np.isin(keep, list(unread.get(response, {})))
        if not known.all():
            log.append(f"{rows.say(keep[~known])}: left out, without a {response}")
        keep = keep[known]
        if not keep.size:
            raise InputError(f"no row has a {response}; nothing is left", source=source)
    place = {int(old): new for new, old in enumerate(keep)}
    return (
        {name: values[keep] for name, values in given.items()},
        {
            n: {place[i]: text for i, text in cells.items() if i in place}
            for n, cells in unread.items()
        },
        Rows(label=rows.label, numbers=rows.numbers[keep]),
    )


def commas_in(raw: Cells) -> Commas | None:
    """Tell what commas are in the numbers of a table, from its first rows."""
    found = []
    for name, values in raw.items():
        if isinstance(values, np.ndarray) and values.dtype.kind in "biufU":
            continue
        signs = ",." if (own := read_heading(name)) and own.target in SIZES else ","
        some = [
            cell
            for cell in values[:200]
            if isinstance(cell, str) and any(sign in cell for sign in signs)
        ]
        if some and len(some) >= 0.3 * min(len(values), 200):
            found += [cell for cell in some if comma_of(cell.strip().split(" ")[0])]
    return commas_of(found)


def _whole(raw: Cells) -> list[str]:
    """Return the column L if its numbers are all whole."""
    if LETTER not in raw:
        return []
    values = read_numbers(raw[LETTER]).values
    known = values[np.isfinite(values)]
    return [LETTER] if known.size and (known == np.round(known)).all() else []


def _origins(
    resolved: Resolution, given: Mapping[str, NDArray[Any]], called: Mapping[str, str]
) -> dict[str, str]:
    """Return where each column came from, in words."""
    said = {}
    for name, target in resolved.names.items():
        heading = resolved.headings.get(name)
        said[target] = repr(name) if heading is None else heading.say(name)
    for name in given:
        said.setdefault(name, repr(called.get(name, name)))
    return {name: said[name] for name in given}


def _ride_along(
    name: str,
    values: Sequence[Any] | NDArray[Any],
    rows: Rows,
    log: list[str],
    commas: Commas | None = None,
) -> NDArray[Any]:
    """Return a column outside the vocabulary as numbers if all its cells are, else as text."""
    read = read_numbers(values, truth=True, commas=commas)
    if not read.unread:
        return read.values
    if np.count_nonzero(~np.isnan(read.values)) > len(read.unread):
        where = list(read.unread)
        verb = "has" if len(where) == 1 else "have"
        log.append(
            f"column {name!r} is kept as text: {rows.say(where)} {verb} {read.unread[where[0]]!r}"
        )
    return read_text(values)


def _run_ids(run: NDArray[np.str_] | None, rows: Rows, log: list[str]) -> NDArray[np.str_]:
    """Return an id for every row, made where the table has none."""
    made = np.array([f"r{i:04d}" for i in range(1, len(rows) + 1)], dtype=np.str_)
    if run is None:
        log.append("no column 'run': every row counts as a run of its own (r0001, r0002, ...)")
        return made
    empty = run == ""
    if not empty.any():
        return run
    log.append(f"{rows.say(empty)}: run is empty; each counts as a run of its own")
    used = set(run.tolist())
    fresh = [f"{name}_unnamed" if name in used else name for name in made.tolist()]
    return np.where(empty, np.array(fresh, dtype=np.str_), run)


def _gaps(columns: Mapping[str, NDArray[Any]], rows: Rows) -> list[str]:
    """Return notes on rows that lack a size others have: a model of that size cannot use them."""
    found = []
    for name in ("loss", *SIZES):
        if name in columns and (empty := np.isnan(columns[name])).any() and not empty.all():
            found.append(f"{rows.say(empty)}: {name} is empty and nothing implies it")
    return found


def _without_diverged(
    raw: Cells, rows: Rows, names: Mapping[str, str]
) -> tuple[Cells, Rows, list[str], list[str]]:
    """Take the rows out that are marked as diverged."""
    marks = next((name for name in raw if names.get(name) == DIVERGED), None)
    if marks is None:
        return raw, rows, [], []
    read = read_numbers(raw[marks], truth=True)
    bad = ~np.isnan(read.values) & ~np.isin(read.values, (0.0, 1.0))
    if bad.any():
        said = f"{rows.say(bad)}: {marks} is neither 1 (diverged) nor 0"
        return raw, rows, [], [said]
    gone = read.values == 1.0
    if not gone.any():
        return raw, rows, [], []
    kept = np.flatnonzero(~gone)
    doubt = (
        f"{rows.say(gone)}: diverged, {gone.sum()} of {len(rows)} runs; they are set aside, and "
        "the law is about runs that train. Leave the column out to keep those with a finite loss "
        "(noise with heavy tails, or mistuned=True, bears them)"
    )
    left = {name: [values[index] for index in kept.tolist()] for name, values in raw.items()}
    return left, Rows(label=rows.label, numbers=rows.numbers[kept]), [doubt], []
