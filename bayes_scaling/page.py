"""How answers are put in print: lines with a label, tables of text and sentences.

Whatever answers a question has ``rows()`` of plain numbers, of which a `Page` is made. Printing it
is for the command line alone.
"""

from __future__ import annotations

import html
import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

from bayes_scaling.errors import InputError
from bayes_scaling.escapes import escaped
from bayes_scaling.intervals import (
    PLAIN_BELOW,
    Interval,
    check_probability,
    format_kind,
    significant,
)

if TYPE_CHECKING:
    import pandas as pd

MOST = 8
"""Paragraphs that an answer shows of itself; `table` has all cases."""

WIDTH = 22
"""Width of labels, where none of a page is longer."""

CALLED: Mapping[str, str] = {
    "params": "params N",
    "params_active": "active params N",
    "tokens": "tokens D",
    "steps": "steps S",
    "flops": "compute C [FLOP]",
    "lifetime_flops": "lifetime compute [FLOP]",
    "batch_size": "batch [tokens]",
    "loss": "noise-free loss",
    "noise_free": "noise-free loss",
    "new_run_score": "score of a new run",
    "new_run": "loss of a new run",
    "gain": "gain of a doubling",
    "best_params": "best params N*",
    "best_tokens": "best tokens D*",
    "tokens_for_params": "tokens best for N",
    "flops_enough": "compute enough [FLOP]",
    "best_learning_rate": "best learning rate",
    "undertrained": "fewer tokens than best",
    "unreachable": "out of reach",
    "never": "no such size",
    "at_edge": "no optimum",
}
"""How quantities and statements are called in print; others by their own names."""

SCORES: Mapping[str, str] = {
    "mare": "error",
    "bias": "bias",
    "coverage50": "in 50 %",
    "coverage90": "in 90 %",
    "width90": "width",
    "interval_score90": "interval score",
    "crps": "CRPS",
}
"""Scores that are printed, by the names of `bayes_scaling.scores`, and their headings."""


MEANINGLESS = 1000.0
"""Errors and widths, relative to the loss, from which a forecast says nothing."""


@dataclass(frozen=True, kw_only=True)
class Grid:
    """A table of text.

    Attributes
    ----------
    heading : sequence of str
        Of the columns.
    rows : sequence of sequence of str
        Their cells.
    """

    heading: Sequence[str]
    rows: Sequence[Sequence[str]]


Lines = Mapping[str, str]
"""Texts by their labels."""

Block = str | Lines | Grid

Page = Sequence[Sequence[Block]]
"""Paragraphs of blocks."""


class Printable(Protocol):
    """What can be given as plain data, and printed by `page_of`.

    It may have ``page()``, a `Page` of its own, and ``about``, what is told beside the rows.
    """

    def rows(self) -> list[dict[str, Any]]:
        """Return plain numbers and texts, a dict per case."""
        ...


def page_of(answer: Printable) -> Page:
    """Return what is printed of an answer: its page, or a line for each quantity of its rows."""
    if hasattr(answer, "page"):
        own: Page = answer.page()
        return own
    return [[_lines(row)] for row in answer.rows()]


def _lines(row: Mapping[str, Any]) -> Lines:
    """Write every quantity of a row, and how far it lies beyond the runs."""
    ends = ("_lower", "_upper")
    shown = [
        name
        for name in row
        if not (
            name.endswith(ends) or name.startswith("efolds_") or name in ("probability", "kind")
        )
    ]
    lines = {called(name): told(row, name) for name in shown}
    far = any(name.startswith("efolds_") for name in row)
    return lines | ({"extrapolation": beyond(row)} if far else {})


class Shown(ABC):
    """What shows itself: as text where it is printed, as HTML in a notebook, as text for a mail."""

    @abstractmethod
    def page(self) -> Page:
        """Return what is printed."""

    def __repr__(self) -> str:
        """Show the numbers asked for, with their intervals."""
        return page_text(_first(self.page()))

    def _repr_html_(self) -> str:
        """Show the same in a notebook."""
        return page_html(_first(self.page()))

    @property
    def text(self) -> str:
        """All that is printed, for a mail."""
        return page_text(self.page())


class Printed(Shown):
    """What has rows: it shows itself by them, and is a table of them."""

    one_probability: ClassVar[str] = ""
    """What was computed for intervals of one probability, of which no draws are kept."""

    def page(self) -> Page:
        """Return what is printed: a line for each quantity of each row."""
        return [[_lines(row)] for row in self.rows()]

    @abstractmethod
    def _rows(self) -> list[dict[str, Any]]:
        """Return plain numbers and texts, a dict per case, at the answer's own probability."""

    def rows(self, probability: float | None = None) -> list[dict[str, Any]]:
        """Return all there is as plain numbers and texts, a dict per case.

        Parameters
        ----------
        probability : float, optional
            Of the intervals; that of the answer by default.
        """
        return (self if probability is None else self.with_probability(probability))._rows()

    def with_probability(self, probability: float) -> Self:
        """Return the answer with intervals of another probability.

        Raises
        ------
        InputError
            It is not between 0 and 1, or the answer was computed for another alone.
        """
        check_probability(probability)
        own = getattr(self, "probability", probability)
        if self.one_probability and probability != own:
            raise InputError(
                f"{self.one_probability} are of {own:g} intervals: ask anew for {probability:g}"
            )
        names = {each.name for each in fields(self)}  # type: ignore[arg-type]
        changes: dict[str, Any] = {"probability": probability} if "probability" in names else {}
        if "forecast" in names:
            changes["forecast"] = self.forecast.with_probability(probability)  # type: ignore[attr-defined]
        return replace(self, **changes)  # type: ignore[type-var]

    @property
    def table(self) -> pd.DataFrame:
        """One row per case: what was asked, and what was found; `rows` has the rest."""
        import pandas as pd

        rows = self.rows()
        far = any("efolds_flops" in row for row in rows)
        names = [
            name
            for name in dict.fromkeys(n for row in rows for n in row)
            if not _aside(name, far=far)
        ]
        return pd.DataFrame(rows, columns=names)


def _aside(name: str, *, far: bool) -> bool:
    """Whether a column is left out of a table: of distances, that in compute stands for all."""
    distance = name.startswith("efolds_") and far and name != "efolds_flops"
    return distance or name.startswith(("spread_", "flat_")) or name == "tuning"


def _first(page: Page) -> Page:
    """Return the first paragraphs, and say how many more there are."""
    if len(page) <= MOST:
        return page
    return [*page[:MOST], [f"and {len(page) - MOST} more: .text and .table have all"]]


def grid_of(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> Grid:
    """Tabulate some columns of rows.

    Parameters
    ----------
    rows : sequence of mapping
        As of ``rows()``.
    columns : mapping of str to str
        Headings, by the names of the columns; those that no row has are left out.
    """
    names = [name for name in columns if any(name in row for row in rows)]
    return Grid(
        heading=[columns[name] for name in names],
        rows=[[told(row, name) if name in row else "" for name in names] for row in rows],
    )


def called(name: str) -> str:
    """Return how a quantity is called in print."""
    return CALLED.get(name, name.replace("_", " "))


def interval_of(row: Mapping[str, Any], name: str) -> Interval:
    """Return the interval of one quantity of a row."""
    return Interval(
        median=row[name],
        lower=row[f"{name}_lower"],
        upper=row[f"{name}_upper"],
        probability=row["probability"],
    )


def told(row: Mapping[str, Any], name: str) -> str:
    """Write one quantity of a row: with its interval, where it has one."""
    if f"{name}_lower" in row:
        return str(interval_of(row, name))
    value = row[name]
    if not isinstance(value, float):
        return str(value)
    whole = abs(value) < PLAIN_BELOW and value == round(value)  # a count is written out
    return f"{value:.0f}" if whole else significant(value)


def cell(row: Mapping[str, Any], name: str) -> str:
    """Write one quantity for a table, whose heading names the kind of its intervals."""
    if row[name] is None:
        return ""
    return told(row, name).removesuffix(f" {format_kind(row['probability'])}")


def relative(row: Mapping[str, Any], name: str, sign: str = "") -> str:
    """Write one quantity of a row, and its interval, in percent."""
    ends = (row[name], row[f"{name}_lower"], row[f"{name}_upper"])
    digits = 1 if sign else 2
    median, lower, upper = (f"{end:{sign}.{digits}%}" for end in ends)
    return f"{median} [{lower}, {upper}]"


def efolds_beyond(row: Mapping[str, Any]) -> float:
    """Return how far a row lies beyond the runs [e-folds]: in compute, or of all it has."""
    far = {name: value for name, value in row.items() if name.startswith("efolds_")}
    return float(far.get("efolds_flops", max(far.values(), default=0.0)))


def beyond(row: Mapping[str, Any]) -> str:
    """Say how far a row lies outside the fitted runs, in compute and every input."""
    efolds = {
        name.removeprefix("efolds_"): value
        for name, value in row.items()
        if name.startswith("efolds_")
    }
    outside = [
        f"{name} {value:.1f} e-folds ({times(math.exp(value))})"
        for name, value in efolds.items()
        if value > 0
    ]
    if not outside:
        return "inside the fitted runs"
    inside = [name for name, value in efolds.items() if value == 0]
    rest = f"; inside them: {', '.join(inside)}" if inside else ""
    return f"beyond the fitted runs: {', '.join(outside)}{rest}"


def farthest_of(rows: Sequence[Mapping[str, Any]]) -> str:
    """Say how far several rows lie outside the fitted runs: the farthest of them in each input."""
    names = {name: None for row in rows for name in row if name.startswith("efolds_")}
    return beyond({name: max(row.get(name, 0.0) for row in rows) for name in names})


def past_telling(score: float) -> str:
    """Write a score so large that its digits say nothing; empty words for others."""
    if not abs(score) >= MEANINGLESS:
        return ""
    return f"over {MEANINGLESS:g}" if score > 0 else f"below -{MEANINGLESS:g}"


def times(factor: float) -> str:
    """Write a factor to three digits: ``44.5x``, ``2,750x``, ``1.2e7x``."""
    if factor >= 1e6:
        mantissa, exponent = f"{factor:.2g}".split("e")
        return f"{mantissa}e{int(exponent)}x"
    rounded = float(f"{factor:.3g}")
    return f"{rounded:,.0f}x" if rounded >= 1000 else f"{rounded:.3g}x"


def as_level(loss: float) -> str:
    """Write a loss that was given, never as a whole number: ``2.0``, ``2.125``."""
    text = f"{loss:.4g}"
    return text if "." in text or "e" in text else f"{text}.0"


def of_members(
    rows: Sequence[Mapping[str, Any]], count: int, names: Mapping[str, str]
) -> Iterator[list[Block]]:
    """Tabulate what each of `count` members says, case by case; nothing of a single one.

    Parameters
    ----------
    rows : sequence of mapping
        As of ``member_rows()``: case by case the members in order.
    count : int
        Members.
    names : mapping of str to str
        Headings of the quantities that are shown, by their names.
    """
    for start in range(0, len(rows), count):
        cases = rows[start : start + count]
        shown = {name: text for name, text in names.items() if f"{name}_lower" in cases[0]}
        if count == 1:
            yield []
            continue
        kind = format_kind(cases[0]["probability"])
        yield [
            Grid(
                heading=(f"member, {kind}", "weight", *shown.values()),
                rows=[
                    [str(row["member"]), f"{row['weight']:.2f}", *(cell(row, n) for n in shown)]
                    for row in cases
                ],
            )
        ]


CAUSES = {"form": "form of the law", "parameters": "uncertainty of the constants"}
"""Names of what an answer spreads by, where a word alone may mislead."""


def shares(row: Mapping[str, Any], of_what: str) -> Lines:
    """Say where the spread of an answer comes from."""
    spread = {name.removeprefix("spread_"): share for name, share in row.items()}
    parts = ", ".join(
        f"{CAUSES.get(name, name)} {share:.0%}"
        for name, share in spread.items()
        if f"spread_{name}" in row
    )
    return {"spread": f"{parts} of the variance of {of_what}"}


def page_html(page: Page) -> str:
    """Write paragraphs as HTML, escaped."""
    return escaped("\n".join(_block_html(block) for part in page for block in part))


def _block_html(block: Block) -> str:
    if isinstance(block, str):
        return f"<p>{html.escape(block)}</p>"
    if isinstance(block, Grid):
        rows = [_row_html("th", block.heading), *(_row_html("td", row) for row in block.rows)]
    else:
        rows = [_row_html("td", pair) for pair in block.items()]
    return f"<table>{''.join(rows)}</table>"


def _row_html(tag: str, cells: Sequence[str]) -> str:
    return "<tr>" + "".join(f"<{tag}>{html.escape(text)}</{tag}>" for text in cells) + "</tr>"


def page_text(page: Page, *, without: Iterable[str] = ()) -> str:
    """Write paragraphs, their lines with labels as wide as the longest.

    Parameters
    ----------
    page : Page
        The paragraphs.
    without : collection of str
        Labels of lines that are left out.
    """
    labels = [
        name for part in page for block in part if isinstance(block, Mapping) for name in block
    ]
    width = max([WIDTH, *map(len, labels)])
    lines: list[str] = []
    for place, part in enumerate(page):
        if place:
            lines.append("")
        for block in part:
            if isinstance(block, str):
                lines.append(block)
            elif isinstance(block, Grid):
                lines += table_lines(block.rows, block.heading)
            else:
                lines += [
                    f"{name:{width}s} {text}" for name, text in block.items() if name not in without
                ]
    return escaped("\n".join(lines))


def table_lines(rows: Sequence[Sequence[str]], heading: Sequence[str]) -> list[str]:
    """Write columns of text, aligned; without a heading where that is empty."""
    lines = [heading, *rows] if any(heading) else list(rows)
    widths = [max(len(row[index]) for row in (heading, *rows)) for index in range(len(heading))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in lines
    ]
