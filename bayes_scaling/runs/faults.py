"""Everything that is wrong with a table, each problem one sentence with its rows.

A cell that cannot be used must not hide what else is wrong. For the checks across cells (what is
missing, what is given twice) it counts as filled: a stand-in takes its place, the same one for the
same text, so that it is neither called empty nor taken for another cell's double.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.runs.cells import Rows, number_advice, parts_of
from bayes_scaling.runs.columns import (
    COLUMNS,
    NUMBER_KINDS,
    SIZES,
    canonical_name,
    listed,
    shown_in_formula,
)
from bayes_scaling.runs.counting import complete
from bayes_scaling.runs.device_hours import span_of
from bayes_scaling.runs.headings import log_of
from bayes_scaling.runs.loss_units import unit_of_loss
from bayes_scaling.runs.named_runs import equal_rows
from bayes_scaling.runs.resolve import (
    advice_on_size,
    choose_loss,
    perplexity_advice,
    say_which,
    sounds_like_loss,
    sounds_like_size,
)
from bayes_scaling.runs.rising import scores_advice

UNKEPT = re.compile("[\x00\ud800-\udfff]")
"""Characters that no file keeps: NUL, and half of another."""

UNFINISHED = frozenset(
    "crashed failed running killed preempted preempting pending scheduled diverged oom aborted "
    "cancelled canceled".split()
)


Columns = Mapping[str, NDArray[Any]]
KEY = ("run", "metric", "steps", "tokens", "position")
STAND_IN = 1e30  # this and above takes the place of a cell that cannot be used
_ESSENTIAL = ("loss", "score", *SIZES)
_OTHER_SCALES = ("steps", "width", "depth", "position", "unique_tokens", "finetune_tokens")


def text_problems(
    name: str, unread: Mapping[int, str], rows: Rows, called: str | None = None
) -> list[str]:
    """Return one problem per kind of text found in a column of numbers."""
    called = called or name
    label = label_of(name, called)
    other = ""
    if name not in _ESSENTIAL:
        other = f"; if the column means something else, {say_which(called, f'my_{name}')}"
    alike: dict[str, list[int]] = {}
    for position, text in unread.items():
        advice = number_advice(text)
        kind = advice.split(", ")[-1]
        alike.setdefault(kind, []).append(position)
    problems = []
    for positions in alike.values():
        shown = _shown([repr(_short(unread[i])) for i in positions])
        advice = number_advice(unread[positions[0]])
        otherwise = "delete the row" if name == "loss" else "leave the cell empty"
        problems.append(
            f"{rows.say(positions)}: {label} has text ({shown}) where a number "
            f"belongs; {advice}, or {otherwise}{other}"
        )
    return problems


def value_problems(
    columns: Columns, rows: Rows, called: Mapping[str, str] | None = None
) -> list[str]:
    """Return the values that their column cannot have: infinite, negative, zero, above one."""
    problems = []
    for name, values in columns.items():
        column = COLUMNS.get(name)
        if column is None or column.kind not in NUMBER_KINDS:
            continue
        given = (called or {}).get(name, name)
        label = label_of(name, given)
        infinite = np.isinf(values)
        below = np.zeros(len(values), dtype=bool)
        zero = above = below
        if column.kind != "number":
            below = (values < 0) & ~infinite
        if column.kind in ("count", "positive"):
            zero = values == 0
            if name == "learning_rate" and _is_curve(columns):
                zero = np.zeros_like(zero)  # a schedule may end at 0
        if column.kind == "fraction":
            above = (values > 1) & ~infinite
        for where, fault in (
            (infinite, "must be finite; mark a run that diverged by 1 in a column 'diverged'"),
            (below, f"cannot be negative{_cannot_be_negative(name, given)}"),
            (zero, f"must be above 0{_zero_advice(name)}"),
            (
                above,
                f"must lie between 0 and 1; divide percentages by 100"
                f"{_hundredth(name, given, values)}",
            ),
        ):
            if where.any():
                shown = _shown([f"{value:g}" for value in values[where]])
                problems.append(f"{rows.say(where)}: {label} is {shown}; it {fault}")
    return problems


def character_problems(columns: Columns, rows: Rows) -> list[str]:
    """Return the names and texts with a character that no file keeps: NUL, or half of another."""
    problems = []
    for name, values in columns.items():
        if UNKEPT.search(name):
            problems.append(
                f"column {name!r} has {UNKEPT.findall(name)[0]!a} in its name; take it out"
            )
        if values.dtype.kind == "U" and (
            found := [i for i, text in enumerate(values.tolist()) if UNKEPT.search(text)]
        ):
            shown = _shown([repr(_short(str(values[i]))) for i in found])
            problems.append(
                f"{rows.say(found)}: {name} is {shown}; no file keeps a NUL: take it out"
            )
    return problems


def relation_problems(columns: Columns, rows: Rows) -> list[str]:
    """Return the values that contradict those of another column: a position beyond its context."""
    if not {"position", "context_length"} <= set(columns):
        return []
    beyond = columns["position"] > columns["context_length"]
    if not beyond.any():
        return []
    shown = _shown([f"{value:g}" for value in columns["position"][beyond]])
    return [
        f"{rows.say(beyond)}: position is {shown}, beyond context_length; positions count from 1 "
        "to the length of the context"
    ]


def absence_problems(
    columns: Columns, rows: Rows, given: Iterable[str], *, needs_loss: bool = True
) -> list[str]:
    """Return what is missing: the response, a size to scale with, or cells of them."""
    problems = []
    given = list(given)
    responses = [name for name in ("loss", "score") if name in columns]
    if not needs_loss:
        pass
    elif not responses:
        if not any(sounds_like_loss(name) for name in given):
            problems.append(
                f"no column 'loss' (or 'score'); the table has {listed(given)}; "
                + (
                    perplexity_advice(given)
                    or scores_advice(given, columns)
                    or f"say which it is: {loss_advice(given)}"
                )
                + shape_advice(given)
            )
        elif not problems_of_choice(given):
            problems.append(f"no column 'loss' (or 'score'); the table has {listed(given)}")
    elif (gap := _all_missing(columns, responses)).any():
        what = " and ".join(responses)
        advice = "give one of them" if len(responses) > 1 else f"give the {what}"
        verb = "are" if len(responses) > 1 else "is"
        problems.append(
            f"{rows.say(gap)}: {what} {verb} empty or NaN; {advice} or delete the row"
            " (--drop-empty leaves such rows out)"
        )
    sizes = [name for name in SIZES if name in columns]
    others = _other_scales(columns)
    if not sizes and not others:
        problems.append(
            "no size to scale with: none of 'params', 'tokens', 'flops'; "
            f"the table has {listed(given)}; say which is: "
            + (size_advice(given, columns) or say_which(example_of(given), "params"))
        )
    elif sizes and (gap := without_any(columns)).any():
        problems.append(
            f"{rows.say(gap)}: {' and '.join(sizes)} "
            f"{'are' if len(sizes) > 1 else 'is'} empty; give at least one size "
            "or delete the row"
        )
    return problems


def duplicate_problems(columns: Columns, rows: Rows, most: int = 5) -> list[str]:
    """Return the groups of rows that share the key (run, metric, steps, tokens, position)."""
    key = [name for name in KEY if name in columns]
    if "run" not in key:
        return []
    groups = equal_rows(columns, key)
    problems = []
    for group in groups[:most]:
        first = group[0]
        what = ", ".join(f"{name} {_value(columns[name][first])}" for name in key)
        differ = [name for name, values in columns.items() if len(np.unique(values[group])) > 1]
        if not differ:
            advice = "they are identical: delete all but one"
        elif set(differ) <= {"loss", "score"}:
            advice = (
                f"they differ in {' and '.join(differ)} alone: keep one, or say what each "
                "was measured on in a column 'metric'"
            )
        else:
            advice = (
                f"they differ in {', '.join(differ[:6])}: give each run its own id, or "
                "each measurement its own metric, steps or tokens"
            )
        problems.append(f"{rows.say(group)}: the same {what}; {advice}")
    if len(groups) > most:
        rest = sum(len(group) for group in groups[most:])
        problems.append(f"{len(groups) - most} more groups of duplicates ({rest} rows)")
    return problems


def label_of(name: str, called: str) -> str:
    """Return a column's name, led by what the file calls it where that differs."""
    return name if name == called else f"{called!r} ({name})"


def without_any(columns: Columns) -> NDArray[np.bool_]:
    """Return the rows that have no size to scale with, dims (row,)."""
    return _all_missing(columns, [*(n for n in SIZES if n in columns), *_other_scales(columns)])


def _other_scales(columns: Columns) -> list[str]:
    """Return the columns that a law may scale with in place of sizes: the loss, of another one."""
    others = [name for name in _OTHER_SCALES if name in columns]
    explained = any(name in columns for name in ("score", "loss_shifted"))
    return [*others, *(["loss"] if explained and "loss" in columns else [])]


def _all_missing(columns: Columns, names: list[str]) -> NDArray[np.bool_]:
    return np.isnan(np.stack([columns[name] for name in names])).all(axis=0)


def _is_curve(columns: Columns) -> bool:
    """Whether some run has rows at several points of its training."""
    if "run" not in columns:
        return False
    runs = np.unique(columns["run"], return_inverse=True)[1]
    progress = (columns[name] for name in ("steps", "tokens") if name in columns)
    return any(
        len(np.unique(np.column_stack([runs, p]), axis=0)) > runs.max() + 1 for p in progress
    )


def size_advice(given: Iterable[str], columns: Columns) -> str | None:
    """Return the option that reads the first column that sounds like a size, or None."""
    names = list(given)
    timed = (name for name in names if span_of(name) is not None)
    first = next((name for name in names if sounds_like_size(name)), None) or next(timed, None)
    return None if first is None else advice_on_size(first, names, columns)


def example_of(given: Iterable[str]) -> str:
    """Return the one column that is not understood, to stand in an example, else a stand-in."""
    left = [name for name in given if canonical_name(name) is None]
    return left[0] if len(left) == 1 else "THEIR_NAME"


def loss_advice(given: Iterable[str]) -> str:
    """Return the option that reads the column that is a loss of another trade, or an example."""
    names = [name for name in given if canonical_name(name) is None]
    name = next((name for name in names if unit_of_loss(name)), None) or example_of(given)
    shown = shown_in_formula(name)
    logs = {"log10": f"10**{shown}", "log2": f"2**{shown}", "ln": f"exp({shown})"}
    change = logs.get(log_of(name) or "")
    return say_which(name, "loss") if change is None else f"--columns 'loss={change}'"


def problems_of_choice(given: Iterable[str]) -> bool:
    """Whether the choice of the loss was already a problem, so that it need not be said again."""
    return bool(choose_loss(given).problem)


def shape_advice(given: Iterable[str]) -> str:
    """Say what a wide table should look like; "" for one that is not wide."""
    names = list(given)
    numeric = [name for name in names if parts_of(name) is not None]
    known = {canonical_name(name) for name in names}
    clocked = bool(known & {"steps", "tokens"}) and not known & {"params", "flops"}
    others = [name for name in names if canonical_name(name) is None]
    if len(numeric) >= 2:
        return (
            f". Columns are called {listed(numeric[:3])}: with budgets across, the table is wide; "
            "one row per run is wanted, such as params,flops,loss: --columns wide melts it (in "
            "Python columns='wide')"
        )
    if clocked and len(others) >= 2:
        return (
            ". If each column is a run, the table is wide; one row per run and step is wanted: "
            "--columns wide melts it (in Python columns='wide')"
        )
    return ""


def _hundredth(name: str, called: str, values: NDArray[np.float64]) -> str:
    known = values[np.isfinite(values)]
    if known.max(initial=0) > 100 or 2 * np.count_nonzero(known > 1) <= known.size:
        return ""  # no percentages, or those of some rows alone
    return f": --columns '{name}={shown_in_formula(called)}/100'"


def _cannot_be_negative(name: str, called: str) -> str:
    if scale := log_of(called):
        shown = shown_in_formula(called)
        change = {"log10": f"10**{shown}", "log2": f"2**{shown}"}.get(scale, f"exp({shown})")
        return f"; if it is a log, --columns '{name}={change}'"
    if name == "flops":
        return "; 6 N D overflows int64 near 9.2e18: compute it in float64, or leave flops out"
    if name == "loss":
        minus = re.search(r"(?i)lik|log[\s_]?p|(?:^|_)ll(?:$|_)", called)
        said = f": --columns 'loss=-{shown_in_formula(called)}'" if minus else ""
        return f"; give the cross-entropy, minus the log-likelihood per token{said}"
    return ""


def _zero_advice(name: str) -> str:
    if name in ("tokens", "steps", "flops"):
        return "; delete rows from before the first step (--where leaves rows out)"
    if name == "loss":
        return "; every law takes its log: leave out what was not measured"
    if name == "experts":
        return "; a dense model has 1"
    return ""


def _value(value: Any) -> str:
    if not isinstance(value, float):
        return repr(str(value))
    return "as written" if value >= STAND_IN else f"{value:.12g}"


def _short(text: str, most: int = 40) -> str:
    return text if len(text) <= most else text[: most - 3] + "..."


def _shown(values: list[str], most: int = 3) -> str:
    distinct = list(dict.fromkeys(values))
    return ", ".join(distinct[:most]) + (", ..." if len(distinct) > most else "")


def faults_of(
    given: Columns,
    unread: Mapping[str, Mapping[int, str]],
    rows: Rows,
    called: Mapping[str, str],
    names: Iterable[str],
    *,
    needs_loss: bool = True,
) -> list[str]:
    """Return all that is wrong with the cells and columns of a table."""
    faults: list[str] = []
    for name, cells in unread.items():
        faults += text_problems(name, cells, rows, called.get(name))
    faults += value_problems(given, rows, called)
    faults += character_problems(given, rows)
    faults += relation_problems(given, rows)
    filled = complete(_filled(given, unread)).columns
    faults += absence_problems(filled, rows, names, needs_loss=needs_loss)
    if "run" in given:
        faults += duplicate_problems(filled, rows)
    return faults


def lesser_faults(
    given: Columns,
    unread: Mapping[str, Mapping[int, str]],
    rows: Rows,
    called: Mapping[str, str],
) -> list[str]:
    """Return what would only be noted of a table without faults, to be mended in the same go."""
    found = []
    filled = complete(_filled(given, unread)).columns
    for name in SIZES:
        if name not in given:
            continue
        empty = np.isnan(filled[name])
        gap = empty & ~without_any(filled)
        if gap.any() and not empty.all():
            label = label_of(name, called.get(name, name))
            found.append(
                f"{rows.say(gap)}: {label} is empty and nothing implies it; give it, or no law "
                f"that reads {name} can use the row"
            )
    return [*found, *unfinished(given, rows)]


def by_row(problems: Iterable[str]) -> list[str]:
    """Sort problems by their first row; those of no row come first, counts of the rest last."""

    def place(problem: str) -> float:
        if re.match(r"(and )?\d+ more ", problem):
            return float("inf")
        row = re.match(r"(?:line|row)s? (\d+)", problem)
        return float(row[1]) if row else -1.0

    return sorted(problems, key=place)


def _filled(
    given: Columns, unread: Mapping[str, Mapping[int, str]]
) -> dict[str, NDArray[np.float64] | NDArray[Any]]:
    """Return the columns with a stand-in for every cell that cannot be used."""
    filled = dict(given)
    for name, values in given.items():
        column = COLUMNS.get(name)
        if column is None or column.kind not in ("count", "positive"):
            continue
        bad = ~np.isnan(values) & ~((values > 0) & np.isfinite(values))
        texts = {int(i): f"{values[i]:g}" for i in np.flatnonzero(bad)} | dict(unread.get(name, {}))
        if not texts:
            continue
        codes = {text: STAND_IN * (1 + k) for k, text in enumerate(dict.fromkeys(texts.values()))}
        filled[name] = values.copy()
        filled[name][list(texts)] = [codes[text] for text in texts.values()]
    for name, cells in unread.items():
        if cells and filled[name] is given[name]:
            filled[name] = given[name].copy()
            filled[name][list(cells)] = STAND_IN
    return filled


def unfinished(given: Columns, rows: Rows) -> list[str]:
    """Return a doubt for a column of run states, as W&B and MLflow export it."""
    found = []
    for name, values in given.items():
        service = {"state": "wandb", "status": "mlflow"}.get(name.lower())
        if service is None or values.dtype.kind != "U":
            continue
        states = np.char.lower(values)
        where = np.isin(states, list(UNFINISHED))
        if not where.any():
            continue
        words = " or ".join(dict.fromkeys(values[where].tolist()))
        advice = "delete such rows"
        if (states == "finished").any():
            advice += f", or read the table as an export: columns='{service}' (--columns {service})"
        found.append(
            f"{rows.say(where)}: {name} is {words}, and the loss of a run that did not finish is "
            f"not its final one; {advice}"
        )
    return found
