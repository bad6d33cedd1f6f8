"""What stands in a report: a table of its sections; one that cannot be made says why."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal

import numpy as np

from bayes_scaling.facade import Fit
from bayes_scaling.questions.record import TrackRecord
from bayes_scaling.reports import (
    answer_sections,
    decision_sections,
    fit_sections,
    trust_sections,
    verdict,
    whatif,
)
from bayes_scaling.reports.answers import MOST_FAMILIES, Answers, Question, families
from bayes_scaling.reports.blocks import Block, Section
from bayes_scaling.validation import Backtest

Blocks = tuple[Block, ...]


@dataclass(frozen=True, kw_only=True)
class Page:
    """What the sections of a page are made of.

    Attributes
    ----------
    fit : Fit
        The posterior.
    question : Question
        What is asked.
    answers : tuple of Answers
        One a group, that with the largest runs first.
    command : str, optional
        The command that made the report.
    backtest : Backtest, optional
        Forecasts of larger runs of the same table from smaller ones.
    record : TrackRecord, optional
        Forecasts on record.
    """

    fit: Fit
    question: Question
    answers: tuple[Answers, ...]
    command: str | None = None
    backtest: Backtest | None = None
    record: TrackRecord | None = None


@dataclass(frozen=True, kw_only=True)
class Row:
    """One kind of section.

    Attributes
    ----------
    id, title : str
        Its anchor and heading; ``{of}`` and ``{axis}`` in a title stand for the group, and for what
        its loss is shown against.
    scope : {"page", "group", "law"}
        ``"page"``: it stands once, and is made from the `Page`. ``"group"``: it stands for each
        group that is shown, and is made from its `Answers`. ``"law"``: it stands once and holds,
        for each law, what is made from the `Page` and the name of the law.
    applies : callable
        From the same to whether there is anything to say.
    build : callable
        From the same to blocks.
    """

    id: str
    title: str
    scope: Literal["page", "group", "law"] = "page"
    applies: Callable[..., bool] = lambda *_: True
    build: Callable[..., Blocks]


SECTIONS = (
    Row(
        id="verdict",
        title="Verdict",
        build=lambda page: verdict.verdict_section(page.answers, page.backtest),
    ),
    Row(
        id="numbers",
        title="In numbers",
        applies=lambda page: page.question.axis is not None,
        build=lambda page: verdict.numbers_section(page.answers, page.backtest),
    ),
    Row(
        id="others",
        title="Other families",
        applies=lambda page: len(page.answers) > MOST_FAMILIES,
        build=lambda page: verdict.other_families(page.answers),
    ),
    Row(
        id="decision",
        title="Cost, and go or no go{of}",
        scope="group",
        applies=lambda item: item.weighs,
        build=lambda item: decision_sections.decision_section(item),
    ),
    Row(
        id="members",
        title="What each law says{of}",
        scope="group",
        applies=lambda item: item.fit.averages,
        build=lambda item: answer_sections.members_section(item),
    ),
    Row(
        id="loss",
        title="Loss{of} against {axis}",
        scope="group",
        build=lambda item: answer_sections.loss_section(item),
    ),
    Row(
        id="drift",
        title="Exponents{of}, and how they drift",
        scope="group",
        applies=lambda item: answer_sections.drifts(item.fit),
        build=lambda item: answer_sections.drift_section(item),
    ),
    Row(
        id="allocation",
        title="How to split a budget{of}",
        scope="group",
        applies=lambda item: item.allocation is not None,
        build=lambda item: answer_sections.allocation_section(item),
    ),
    Row(
        id="risk",
        title="Risk{of}",
        scope="group",
        applies=lambda item: item.weighs,
        build=lambda item: decision_sections.risk_section(item),
    ),
    Row(
        id="what-if",
        title="What if{of}",
        scope="group",
        applies=lambda item: item.trades and item.place == 0,
        build=lambda item: whatif.whatif_section(item),
    ),
    Row(
        id="sensitivity",
        title="Sensitivity{of}",
        scope="group",
        build=lambda item: decision_sections.sensitivity_section(item),
    ),
    Row(
        id="learning-rate",
        title="Learning rate{of}",
        scope="group",
        applies=lambda item: item.allocation is not None and "learning_rate" in item.planned.tuned,
        build=lambda item: answer_sections.learning_rate_section(item),
    ),
    Row(
        id="backtest",
        title="Backtest on these runs",
        applies=lambda page: page.backtest is not None,
        build=lambda page: trust_sections.backtest_section(page.backtest),
    ),
    Row(
        id="record",
        title="Track record",
        applies=lambda page: page.record is not None,
        build=lambda page: trust_sections.record_section(page.record),
    ),
    Row(
        id="mistuned",
        title="Runs off the law",
        applies=lambda page: decision_sections.tells_mistuned(page.fit),
        build=lambda page: decision_sections.mistuned_section(page.fit, page.question.probability),
    ),
    Row(
        id="data",
        title="The runs",
        build=lambda page: fit_sections.data_section(page.fit),
    ),
    Row(
        id="model",
        title="Laws and priors",
        build=lambda page: fit_sections.model_section(page.fit),
    ),
    Row(
        id="diagnostics",
        title="Diagnostics",
        build=lambda page: fit_sections.diagnostics_section(page.fit),
    ),
    Row(
        id="posterior",
        title="Posterior",
        scope="law",
        build=lambda page, law: fit_sections.posterior_section(
            page.fit, law, page.question.probability
        ),
    ),
    Row(
        id="check",
        title="Do the laws fit the runs",
        scope="law",
        applies=lambda page, law: len(page.fit.members[law].model.responses) == 1,
        build=lambda page, law: fit_sections.check_section(page.fit, law),
    ),
    Row(
        id="fixed",
        title="Held fixed in your runs, so not in any interval",
        build=lambda page: fit_sections.fixed_section(page.fit),
    ),
    Row(
        id="methods",
        title="Methods",
        build=lambda page: trust_sections.methods_section(page.fit),
    ),
    Row(
        id="provenance",
        title="Provenance",
        build=lambda page: trust_sections.provenance_section(page.fit, page.command),
    ),
)
"""Every section of a report, in order."""


def make_page(
    fit: Fit,
    question: Question,
    *,
    family: str | None = None,
    command: str | None = None,
    backtest: Backtest | None = None,
    record: TrackRecord | None = None,
) -> Page:
    """Ask a question for every group of a fit, or for one of them.

    Parameters
    ----------
    fit : Fit
        The posterior.
    question : Question
        What is asked.
    family : str, optional
        The group to answer for; all of them by default.
    command, backtest, record
        As in `Page`.
    """
    answers = tuple(
        Answers(fit=fit, question=question, family=label, place=place)
        for place, label in enumerate(families(fit, family))
    )
    return Page(
        fit=fit,
        question=question,
        answers=answers,
        command=command,
        backtest=backtest,
        record=record,
    )


def make_sections(page: Page) -> tuple[Section, ...]:
    """Make every section of a report; those that failed hold the error instead of their blocks."""
    found: list[Section | None] = []
    shown = page.answers[:MOST_FAMILIES] if page.question.axis is not None else ()
    for per_group, rows in groupby(SECTIONS, key=lambda row: row.scope == "group"):
        if not per_group:
            found += [_section(row, row.id, row.title, _subjects(row, page)) for row in rows]
            continue
        own = tuple(rows)
        found += [_section_of(row, item, len(page.answers)) for item in shown for row in own]
    return tuple(section for section in found if section is not None)


def numbers(page: Page) -> str:
    """Write the answers of a page as JSON, to be saved from it; those that failed are left out."""
    question = page.question
    asked = {
        "at": question.at, "axis": question.axis, "target_loss": question.target_loss,
        "value": question.value, "probability": question.probability,
    }  # fmt: skip
    tables: dict[str, Callable[[Answers], Any]] = {
        "planned": lambda item: item.planned.rows(),
        "by_law": lambda item: item.planned.member_rows(),
        "risk": lambda item: item.risk.rows() if item.weighs else [],
        "budgets": lambda item: [each.rows()[0] for each in item.forecasts],
        "splits": lambda item: [] if item.allocation is None else item.allocation.rows(),
    }
    groups = {}
    for item in page.answers if question.axis is not None else ():
        own = {}
        for name, rows in tables.items():
            try:
                own[name] = rows(item)
            except Exception:  # its section says why
                continue
        groups[item.family or "all"] = own
    return json.dumps({"asked": asked, "answers": _plain(groups)}).replace("<", "\\u003c")


def _plain(value: Any) -> Any:
    """Return numbers that JSON has; nan and inf as None."""
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def _subjects(row: Row, page: Page) -> list[tuple[Any, ...]]:
    """Return what a section that stands once is made from: the page, or each law on it."""
    return [(page,)] if row.scope == "page" else [(page, name) for name in page.fit.members]


def _section_of(row: Row, item: Answers, groups: int) -> Section | None:
    """Make a section of one group."""
    of = f" of {item.family}" if item.family is not None else ""
    axis = "compute" if item.question.axis == "flops" else str(item.question.axis)
    anchor = row.id if groups == 1 else f"{row.id}-{item.place + 1}"
    return _section(row, anchor, row.title.format(of=of, axis=axis), [(item,)])


def _section(row: Row, id: str, title: str, subjects: list[tuple[Any, ...]]) -> Section | None:
    """Make a section, or one that shows why it could not be made; None where it does not apply."""
    try:
        parts = [row.build(*each) for each in subjects if row.applies(*each)]
    except Exception as error:  # whatever it is, the reader gets an error box and never a gap
        where = traceback.extract_tb(error.__traceback__)[-1]
        text = f"{type(error).__name__}: {error} ({where.name}, line {where.lineno})"
        return Section(id=id, title=title, error=text)
    return Section(id=id, title=title, blocks=sum(parts, ())) if parts else None
