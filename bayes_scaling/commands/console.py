"""What commands print: answers as text or JSON, notes on standard error, and pictures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import typer

from bayes_scaling.commands.streams import print_json, say
from bayes_scaling.errors import InputError
from bayes_scaling.files import check_target, replacing
from bayes_scaling.page import Page, Printable, efolds_beyond, page_of, page_text, table_lines

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from bayes_scaling.papers import Answerer
    from bayes_scaling.posterior import Check

FORMATS = (".png", ".svg", ".pdf")
"""Files that a picture can be written to."""


class Checked(Protocol):
    """What rests on fits that were checked."""

    @property
    def checks(self) -> tuple[Check, ...]:
        """Of the fits."""
        ...

    @property
    def trustworthy(self) -> bool:
        """Whether no check failed."""
        ...


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What a command shows beside an answer.

    Attributes
    ----------
    data : mapping of str to value
        Of the JSON; goes before what the answer says under the same name.
    above, below : Page
        Around what is printed of the answer.
    page : Page, optional
        In place of that of the answer.
    silent : bool
        Whether the answer was printed already.
    """

    data: Mapping[str, Any] = field(default_factory=dict)
    above: Page = ()
    below: Page = ()
    page: Page | None = None
    silent: bool = False


# ---- answers -------------------------------------------------------------------------------------


def give(
    source: Answerer,
    answer: Printable,
    shown: Shown | None = None,
    *,
    furthest: float | None = None,
    beside: Sequence[Answerer] = (),
    as_json: bool,
) -> None:
    """Print an answer, say what it rests on, and exit with 2 where that is not to be trusted.

    Parameters
    ----------
    source : Fit or PublishedLaw
        What answered.
    answer : Forecast, Allocation, Answer, ...
        The answer.
    shown : Shown, optional
        What is shown beside it.
    furthest : float, optional
        E-folds beyond the fitted runs from which it is not to be trusted.
    beside : sequence of Fit or PublishedLaw
        What else was asked for it.
    as_json : bool
        Whether one JSON object is printed in place of text.
    """
    from bayes_scaling.questions.routed import say_share

    shown, said = shown or Shown(), ""
    if as_json and not shown.silent:
        print_json(answer_dict(source, answer) | {**shown.data})
    elif not shown.silent:
        page = page_of(answer) if shown.page is None else shown.page
        one_group = {source.leading.reads.group} if len(source.groups) <= 1 else set()
        said = page_text([*shown.above, *page, *shown.below], without=one_group)
        if said:
            print(said)
    for text in getattr(answer, "warnings", ()):
        if text not in said:
            say(f"warning: {text}")
    notes = (*getattr(answer, "notes", ()), *getattr(source, "notes", ()), say_share(source))
    for note in dict.fromkeys(filter(None, notes)):
        if note not in said:
            say(f"note: {note}")
    rows = getattr(answer, "far_rows", None) or getattr(answer, "forecast", answer).rows()
    beyond = max(map(efolds_beyond, rows), default=0.0)
    too_far = furthest is not None and beyond > furthest
    if too_far:
        say(f"warning: {beyond:.1f} e-folds beyond the fitted runs, more than {furthest:g}")
    judge(source, *beside, trusted=not too_far)


def answer_dict(source: Answerer, answer: Printable) -> dict[str, Any]:
    """Return an answer as plain data, with what each member of several says."""
    found: dict[str, Any] = {**named(source), "rows": answer.rows()}
    if source.averages and hasattr(answer, "member_rows"):
        found |= {"by_member": answer.member_rows(), "left_out": dict(source.left_out)}
    return found | getattr(answer, "about", {}) | {"checks": checks_list(source)}


def named(source: Answerer) -> dict[str, str]:
    """Name what answers, as plain data: a model, the average of several, or a published law."""
    return {"published" if hasattr(source, "constants") else "model": source.id}


# ---- checks --------------------------------------------------------------------------------------


def checks_list(fit: Checked) -> list[dict[str, str]]:
    """Return the checks of a fit as plain data; none of a published law."""
    return [asdict(check) for check in fit.checks]


def judge(fit: Checked, *others: Answerer, trusted: bool = True) -> None:
    """Say what a reader should know of fits; exit with 2 where one is not to be trusted."""
    from bayes_scaling.posterior.diagnostics import doubts

    more = [check.of(each.id) for each in others for check in doubts(each.checks)]
    for check in (*doubts(fit.checks), *more):
        failed = check.verdict == "fail"
        say(f"warning: do not rely on this: {check}" if failed else f"note: {check}")
    if not (trusted and all(each.trustworthy for each in (fit, *others))):
        raise typer.Exit(2)


# ---- text ----------------------------------------------------------------------------------------


def print_page(page: Page, *, without: Iterable[str] = ()) -> None:
    """Print paragraphs, their lines with labels as wide as the longest.

    Parameters
    ----------
    page : Page
        The paragraphs.
    without : collection of str
        Labels of lines that are left out.
    """
    if page:
        print(page_text(page, without=without))


def print_table(rows: Sequence[Sequence[str]], heading: Sequence[str]) -> None:
    """Print columns of text, aligned; without a heading where that is empty."""
    for line in table_lines(rows, heading):
        print(line)


# ---- pictures ------------------------------------------------------------------------------------


def check_picture(path: Path | None) -> None:
    """Raise `InputError` where no picture can be written to a path that is given."""
    if path is None:
        return
    check_target(path)
    if path.suffix.lower() not in FORMATS:
        raise InputError(f"{path.name!r} is no picture; end it in {', '.join(FORMATS)}")


def write_picture(drawn: Figure | Axes, path: Path) -> None:
    """Write the figure that was drawn, whole, in the format that the path ends in."""
    figure = drawn.get_figure(root=True)
    assert figure is not None
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=150, format=path.suffix.lower().removeprefix("."))
