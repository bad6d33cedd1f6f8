"""What a user asks about: sizes and settings of runs to come, checked and completed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Union

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.laws.design import needs_positive
from bayes_scaling.laws.items import COLUMN as ITEMS, ERROR
from bayes_scaling.posterior import Reads
from bayes_scaling.posterior.two_steps import TwoSteps
from bayes_scaling.questions.published_laws import Law, PublishedConstants
from bayes_scaling.questions.units import count_of
from bayes_scaling.runs import RunTable, split_columns, training_flops
from bayes_scaling.runs.columns import COLUMNS, canonical_name, nearest
from bayes_scaling.runs.counting import LEAST, MOST, complete, model_size
from bayes_scaling.runs.finetuning import was_pretrained

if TYPE_CHECKING:
    import pandas as pd

Values = float | str | Sequence[float] | Sequence[str] | NDArray[np.float64]
Sizes = Union[Mapping[str, Values], RunTable, "pd.DataFrame"]

Numbers = float | Sequence[float] | NDArray[np.float64]

RESULTS = frozenset(
    "run loss loss_shifted loss_limited score error chance items budget seed diverged".split()
) | {"params_nonembedding", "params_active"}
"""Columns of a row that are no settings of its run, and other counts of its size: they may stand
beside its sizes."""

FROM_ONE = frozenset(["experts"])
"""Columns that count from 1."""

FACTOR = 100.0
"""How far beyond the largest run a forecast is asked for, unless it is said."""

SAME = 1.01
"""Ratio up to which two sizes count as the same."""

TOLERANCE = 0.3
"""Share by which given flops may differ from 6 N D."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Runs to come, laid out for a law.

    Attributes
    ----------
    columns : mapping of str to array (n_runs,)
        Sizes and settings, in the units of the run table; completed by C = 6 N D.
    group : array of int (n_runs,)
        Group of each run in the fit.
    labels : tuple of str
        Its label.
    group_column : str
        The column that names the groups.
    names : tuple of str
        What the runs are called, where a table names them; else empty.
    """

    columns: Mapping[str, NDArray[np.float64]]
    group_column: str
    group: NDArray[np.int64]
    labels: tuple[str, ...]
    names: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Return the number of runs."""
        return self.group.size


def read_plan(fit: Law, sizes: Sizes) -> Plan:
    """Check and complete the sizes of runs to come.

    Parameters
    ----------
    fit : Fit or PublishedLaw
        Whose law is asked.
    sizes : mapping, DataFrame or RunTable
        Any two of params, tokens and flops, or the inputs of the law; learning rate and others
        where the law has them; the family where the fit has several. Aliases such as N, D, C, lr
        are understood.

    Returns
    -------
    Plan

    Raises
    ------
    InputError
        Something is missing, not positive, of unequal length or unknown; all at once.
    """
    given, law = canonical_sizes(sizes), fit.reads
    names = _take_group_names(given, law.group)
    if "pretrained" in law.inputs and "pretrained" not in given and names is not None:
        texts = [first_text(fit, _label(name)) for name in np.atleast_1d(names)]
        given["pretrained"] = was_pretrained(texts)
    asked = isinstance(sizes, Mapping)
    if not asked and not fit.fitted_sizes:
        names = None  # the groups of a table are not those of a published law
    problems = _unknown(law, given) if asked else []
    _take_meant_counts(law, given)
    measured = {ITEMS} if asked and fit.response == ERROR else set()
    numbers, bad_numbers = numbers_of(given, law.wanted | measured)
    problems += bad_numbers
    lengths = {name: value.size for name, value in numbers.items()}
    if names is not None:
        lengths[law.group] = np.size(names)
    longest, bad_lengths = longest_of(lengths)
    problems += bad_lengths
    if problems:
        raise InputError(problems, source="sizes")
    columns = {name: np.broadcast_to(value, longest) for name, value in numbers.items()}
    share = fit.active_share
    if share != 1.0 and "params_active" not in columns:
        columns |= _routed(columns, share)
    columns = dict(complete(columns).columns)
    problems = [*_missing(law, columns), *(disagreements(columns) if asked else [])]
    group, labels, group_problems = group_index(fit, names, longest)
    problems += group_problems or _never_varied(fit, numbers, labels)
    if problems:
        raise InputError(problems, source="sizes")
    return Plan(
        columns=columns,
        group_column=law.group,
        group=group,
        labels=labels,
        names=tuple(map(str, run_names(sizes).get("run", ()))),
    )


def _never_varied(
    fit: Law, given: Mapping[str, NDArray[np.float64]], labels: tuple[str, ...]
) -> list[str]:
    """Return a problem for a size that no law can read, since all fitted runs had the same one."""
    if isinstance(fit, PublishedConstants) or "flops" in fit.reads.inputs:
        return []
    if isinstance(fit, TwoSteps):
        return _never_varied(fit.loss, given, (fit.family,) * len(labels))
    problems = []
    groups = fit.runs.labels(fit.reads.group)
    for name in ("params", "tokens"):
        if name not in given or name in fit.reads.inputs or name not in fit.runs:
            continue
        for label, value in dict.fromkeys(
            zip(labels, np.resize(given[name], len(labels)).tolist(), strict=True)
        ):
            own = fit.runs[name][groups == label] if label in groups else fit.runs[name]
            low, high = float(np.nanmin(own)), float(np.nanmax(own))
            if high <= SAME * low and not low / SAME <= value <= high * SAME:
                problems.append(
                    f"all runs of {label} had {name} {low:.3g}, so {fit.id} does not read them and "
                    f"cannot tell what {value:.3g} would change: ask at {low:.3g}, or fit a law of "
                    "both sizes by its name, such as coupled"
                )
    return problems


def run_names(sizes: Sizes) -> dict[str, NDArray[np.str_]]:
    """Return the names of runs, where a table has them."""
    return {"run": sizes["run"]} if isinstance(sizes, RunTable) and "run" in sizes else {}


def _routed(
    columns: Mapping[str, NDArray[np.float64]], share: float
) -> dict[str, NDArray[np.float64]]:
    """Return total and active params (n_runs,) of routed models, as far as they follow."""
    if "params" in columns:
        return {"params_active": share * columns["params"]}
    active = complete(columns).columns.get("params")
    return {} if active is None else {"params": active / share, "params_active": active}


def _take_group_names(given: dict[str, Values], group_column: str) -> Values | None:
    """Take the names of groups out of what was given, joined where several columns name them."""
    if group_column in given:
        return given.pop(group_column)
    columns = split_columns(group_column)
    present = [name for name in columns if name in given]
    missing = [name for name in columns if name not in given]
    if present and missing:
        raise InputError(f"groups are named by {group_column}: give {', '.join(missing)} too")
    if not present:
        return None
    parts = np.broadcast_arrays(*(np.atleast_1d(given.pop(name)) for name in columns))
    return ["/".join(_label(part) for part in row) for row in zip(*parts, strict=True)]


def group_index(
    fit: Law, names: Values | None, size: int
) -> tuple[NDArray[np.int64], tuple[str, ...], list[str]]:
    """Return the group of each run, its label, and problems with what was given."""
    known = ", ".join(fit.groups)
    if names is None:
        problem = (
            f"the fit has several groups: say which {fit.reads.group}, one of {known} "
            "(--family NAME)"
        )
        labels = [fit.groups[0]] * size
        problems = [problem] if fit.grouped and len(fit.groups) > 1 else []
    else:
        labels = [_label(name) for name in np.broadcast_to(np.atleast_1d(names), size)]
        unknown = sorted(set(labels) - set(fit.groups))
        problems = [
            f"{fit.reads.group} {name!r} is not in the fit; known are {known}. For a new one, from "
            "the population, use fit.with_new_group(name), or --new-group"
            if fit.fitted_sizes
            else f"{fit.id} is one published law and has no groups: name no {fit.reads.group}"
            for name in unknown
        ]
    if problems:
        return np.zeros(size, dtype=np.int64), tuple(labels), problems
    index = np.array([fit.groups.index(label) for label in labels], dtype=np.int64)
    return index, tuple(labels), []


def first_text(fit: Law, label: str) -> str:
    """Return the text that a group was trained on first, out of the label of the group."""
    columns = [name for name in split_columns(fit.reads.group) if name in fit.reads.columns]
    return label.split("/", max(0, len(columns) - 1))[-1]


def _label(name: object) -> str:
    """Write the name of a group as `RunTable.labels` does."""
    return f"{name:.12g}" if isinstance(name, int | float | np.number) else str(name)


def canonical_sizes(sizes: Sizes) -> dict[str, Values]:
    """Return what was given by the names of the vocabulary."""
    if isinstance(sizes, RunTable):
        return {name: sizes[name] for name in sizes.columns}
    if isinstance(sizes, Mapping):
        items = dict(sizes)
    elif hasattr(sizes, "columns") and hasattr(sizes, "to_numpy"):
        items = {str(name): sizes[name].to_numpy() for name in sizes.columns}
    else:
        raise InputError(
            f"sizes must be a mapping such as {{'params': 7e10, 'tokens': 1.4e12}} or a "
            f"DataFrame, got {type(sizes).__name__}"
        )
    found: dict[str, Values] = {}
    for name, value in items.items():
        column = canonical_name(str(name)) or str(name)
        if column in found:
            raise InputError(f"{name!r} and another column both mean {column!r}; keep one")
        found[column] = value
    return found


def _unknown(law: Reads, given: Mapping[str, Values]) -> list[str]:
    """Return a problem for every name that is neither an input nor a column."""
    problems = []
    for name in given:
        if name not in {*law.wanted, *COLUMNS, *law.columns}:
            near = nearest(name, law.wanted)
            hint = f"did you mean {near!r}?" if near else f"known are {', '.join(law.wanted)}"
            problems.append(f"unknown name {name!r}; {hint}")
    return problems


def check_read(laws: Iterable[Law], sizes: Sizes) -> None:
    """Refuse settings that no law reads: they would change nothing, whatever was given.

    A table is taken row by row, and may hold more than a law reads; so may the results in it.

    Raises
    ------
    InputError
        One of the numbers is such a setting.
    """
    if not isinstance(sizes, Mapping):
        return
    reads = [law.reads for law in laws]
    taken = {name for each in reads for name in (*each.wanted, *each.meant.values())}
    taken |= {name for each in reads for name in (each.group, *split_columns(each.group))}
    known = {*COLUMNS, *(name for each in reads for name in each.columns)}
    said = " and ".join(dict.fromkeys(", ".join(each.inputs) for each in reads))
    problems = [
        f"{name!r} changes nothing: {' and '.join(each.id for each in reads)} reads {said}; leave "
        f"it out, or ask a law or query that reads it ('bayes-scaling models')"
        for name, value in canonical_sizes(sizes).items()
        if name in known - taken - RESULTS and _is_number(value)
    ]
    if problems:
        raise InputError(problems, source="sizes")


def _is_number(value: Values) -> bool:
    """Whether a value is one number or several, and no text."""
    return np.asarray(value).dtype.kind in "fiub"


def _take_meant_counts(law: Reads, given: dict[str, Values]) -> None:
    """Where the law means a more specific column, read that one."""
    for name, meant in law.meant.items():
        if meant in given:
            given[name] = given.pop(meant)
            if "params" in given and "tokens" in given:
                given.pop("flops", None)


def disagreements(columns: Mapping[str, NDArray[np.float64]]) -> list[str]:
    """Return a problem where params, tokens and flops are given and do not fit together."""
    if not {"params", "tokens", "flops"} <= set(columns):
        return []
    size = model_size(columns, columns["flops"].size)[0]
    ratio = columns["flops"] / training_flops(size, columns["tokens"])
    worst = float(ratio[np.argmax(np.abs(np.log(ratio)))])
    if abs(np.log(worst)) <= np.log(1 + TOLERANCE):
        return []
    return [f"flops are {worst:.3g} times 6 x params x tokens; give two of the three"]


def numbers_of(
    given: Mapping[str, Values], wanted: Iterable[str]
) -> tuple[dict[str, NDArray[np.float64]], list[str]]:
    """Return the numbers (n,) among what was given, and problems with them."""
    numbers: dict[str, NDArray[np.float64]] = {}
    problems: list[str] = []
    for name in sorted(set(wanted) & set(given)):
        value = given[name]
        try:
            array = _array_of(name, value)
        except InputError as error:
            problems += error.problems
            continue
        positive = needs_positive(name)
        bad = ~_amounts(array) if positive else ~np.isfinite(array)
        few = np.isfinite(array) & (array < 1) & (name in FROM_ONE)
        if array.ndim != 1 or array.size == 0:
            problems.append(f"{name!r} must be one number or a list of numbers")
        elif bad.any():
            kind = f"positive and finite, {LEAST:g} to {MOST:g}" if positive else "finite"
            problems.append(f"{name!r} must be {kind}, got {array[bad][0]:g}{_row_of(bad)}")
        elif few.any():
            problems.append(few_of(name, float(array[few][0])) + _row_of(few))
        else:
            numbers[name] = array
    return numbers, problems


def few_of(name: str, value: float) -> str:
    """Say that a column counts from 1."""
    return f"{name!r} must be 1 or more (1 for a dense model), got {value:g}"


def _row_of(bad: NDArray[np.bool_]) -> str:
    """Say in which row the first of several values is bad."""
    return f" in row {int(np.argmax(bad)) + 1}" if bad.size > 1 else ""


def _array_of(name: str, value: Values) -> NDArray[np.float64]:
    """Return numbers (n,), of which texts may carry k, M, B or T as in a shell.

    Raises
    ------
    InputError
        One is no number.
    """
    try:
        return np.atleast_1d(np.asarray(value, dtype=float))
    except (TypeError, ValueError):
        pass
    every = np.atleast_1d(np.asarray(value, dtype=object))
    found = np.empty(every.shape)
    for place, each in enumerate(every.flat):
        try:
            found.flat[place] = count_of(each)
        except (InputError, TypeError, ValueError, AttributeError):
            row = f" in row {place + 1}" if every.size > 1 else ""
            raise InputError(
                f"{name!r} must be a number or numbers, such as 2e7 or 20M, got {each!r:.60}{row}"
            ) from None
    return found


def longest_of(lengths: Mapping[str, int]) -> tuple[int, list[str]]:
    """Return the number of runs, and problems with columns of another length."""
    longest = max(lengths.values(), default=0)
    return longest, [
        f"{name!r} has {length} values, others have {longest}"
        for name, length in lengths.items()
        if length not in (1, longest)
    ]


def _missing(law: Reads, columns: Mapping[str, NDArray[np.float64]]) -> list[str]:
    missing = [name for name in law.needed if name not in columns]
    if not missing:
        return []
    hint = ""
    if set(missing) <= {"params", "tokens"}:
        hint = "; two of params, tokens and flops are enough, and allocate splits a flops budget"
    return [f"{law.id} needs {' and '.join(repr(name) for name in missing)}{hint}"]


def positive(name: str, value: Numbers) -> NDArray[np.float64]:
    """Return numbers (n,) that are above 0 and finite, or say what is wrong with them.

    Raises
    ------
    InputError
        They are not.
    """
    try:
        values = np.atleast_1d(np.asarray(value, dtype=float))
    except (TypeError, ValueError):
        raise InputError(f"{name} must be a number or numbers, got {value!r}") from None
    if values.ndim != 1 or values.size == 0 or not _amounts(values).all():
        told = f"must be above 0 and finite, {LEAST:g} to {MOST:g}"
        raise InputError(f"{name} {told}, got {value!r}")
    return values


def one_positive(name: str, value: float) -> float:
    """Return one number that is above 0 and finite, or say what is wrong with it.

    Raises
    ------
    InputError
        It is none, or is several.
    """
    values = positive(name, value)
    if values.size > 1:
        raise InputError(f"{name} is one number, got {values.size}")
    return float(values[0])


def wrong_numbers(numbers: Mapping[str, float | None]) -> list[str]:
    """Return what is wrong with numbers that are to be above 0, each one; None is not given."""
    problems: list[str] = []
    for name, value in numbers.items():
        try:
            if value is not None:
                one_positive(name, value)
        except InputError as error:
            problems += error.problems
    return problems


def _amounts(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether numbers are above 0 and finite, and of a size that an amount can have."""
    return (values >= LEAST) & (values <= MOST)


def given_sizes(sizes: Mapping[str, Numbers | None]) -> dict[str, NDArray[np.float64]]:
    """Return the sizes that were given, of one length (n_cases,); nothing where none was.

    Raises
    ------
    InputError
        One is not above 0 and finite, or lengths differ; all at once.
    """
    problems: list[str] = []
    found: dict[str, NDArray[np.float64]] = {}
    for name, value in sizes.items():
        if value is None:
            continue
        try:
            found[name] = positive(name, value)
        except InputError as error:
            problems += error.problems
    longest, bad_lengths = longest_of({name: values.size for name, values in found.items()})
    problems += bad_lengths
    if problems:
        raise InputError(problems)
    return {name: np.broadcast_to(values, longest) for name, values in found.items()}
