"""What stands in a report, in order; a section that cannot be made says why."""

from __future__ import annotations

import traceback
from collections.abc import Callable

from bayes_scaling.facade import Fit
from bayes_scaling.figures.curves import can_allocate
from bayes_scaling.posterior import Member
from bayes_scaling.questions.record import TrackRecord
from bayes_scaling.reports import (
    answer_sections,
    decision_sections,
    drift_section,
    fit_sections,
    member_sections,
    trust_sections,
    verdict,
    whatif,
)
from bayes_scaling.reports.answers import MOST_FAMILIES, Answers, Question, families
from bayes_scaling.reports.blocks import Block, Prose, Section
from bayes_scaling.validation import Backtest

Blocks = tuple[Block, ...]


def make_sections(
    fit: Fit,
    question: Question,
    *,
    family: str | None = None,
    command: str | None = None,
    backtest: Backtest | None = None,
    record: TrackRecord | None = None,
) -> tuple[Section, ...]:
    """Make every section of a report.

    Parameters
    ----------
    fit : Fit
        The posterior.
    question : Question
        What is asked.
    family : str, optional
        The group to answer for; all of them by default.
    command : str, optional
        The command that made the report.
    backtest : Backtest, optional
        Forecasts of larger runs of the same table from smaller ones.
    record : TrackRecord, optional
        Forecasts on record.

    Returns
    -------
    tuple of Section
        Those that failed hold the error instead of their blocks.
    """
    answers = tuple(
        Answers(fit=fit, question=question, family=label) for label in families(fit, family)
    )
    sections = [_guarded("verdict", "Verdict", lambda: verdict.verdict_section(answers, backtest))]
    if question.axis is not None:
        for number, item in enumerate(answers[:MOST_FAMILIES]):
            sections += _answer_sections(item, "" if len(answers) == 1 else f"-{number + 1}")
    if len(answers) > MOST_FAMILIES:
        sections.append(_other_families(answers))
    sections += _trust_sections(fit, backtest, record)
    if decision_sections.tells_mistuned(fit):
        sections.append(
            _guarded(
                "mistuned", "Runs off the law",
                lambda: decision_sections.mistuned_section(fit, question.probability),
            )
        )  # fmt: skip
    return (
        *sections,
        _guarded("data", "The runs", lambda: fit_sections.data_section(fit)),
        *(
            _sections_of_members(fit, question)
            if fit.averages and len(fit.members) > 1
            else _sections_of_fit(fit.leading, question)
        ),
        _guarded(
            "fixed", "Held fixed in your runs, so not in any interval",
            lambda: fit_sections.fixed_section(fit),
        ),
        _guarded("methods", "Methods", lambda: trust_sections.methods_section(fit)),
        _guarded(
            "provenance", "Provenance", lambda: fit_sections.provenance_section(fit, command)
        ),
    )  # fmt: skip


def _trust_sections(
    fit: Fit, backtest: Backtest | None, record: TrackRecord | None
) -> list[Section]:
    found = []
    if backtest is not None:
        found.append(
            _guarded(
                "backtest", "Backtest on these runs",
                lambda: trust_sections.backtest_section(backtest),
            )
        )  # fmt: skip
    if record is not None:
        found.append(
            _guarded("record", "Track record", lambda: trust_sections.record_section(record))
        )
    return found


def _sections_of_fit(fit: Member, question: Question) -> tuple[Section, ...]:
    return (
        _guarded("model", "The model and its priors", lambda: fit_sections.model_section(fit)),
        _guarded("diagnostics", "Diagnostics", lambda: fit_sections.diagnostics_section(fit)),
        _guarded(
            "posterior", "Posterior",
            lambda: fit_sections.posterior_section(fit, question.probability),
        ),
    )  # fmt: skip


def _sections_of_members(ensemble: Fit, question: Question) -> tuple[Section, ...]:
    return (
        _guarded(
            "model", "The models and their priors", lambda: member_sections.models_section(ensemble)
        ),
        _guarded(
            "diagnostics", "Diagnostics", lambda: member_sections.diagnostics_section(ensemble)
        ),
        _guarded(
            "posterior", "Posteriors",
            lambda: member_sections.posteriors_section(ensemble, question.probability),
        ),
    )  # fmt: skip


def _answer_sections(item: Answers, suffix: str) -> list[Section]:
    of = f" of {item.family}" if item.family is not None else ""
    axis = item.question.axis
    tuned = [line.name for line in item.model.tuned]
    against = "compute" if axis == "flops" else str(axis)
    found = []
    if item.fit.averages:
        found.append(
            _guarded(
                f"members{suffix}", f"What each law says{of}",
                lambda: member_sections.members_section(item),
            )
        )  # fmt: skip
    found += [
        _guarded(
            f"loss{suffix}", f"Loss{of} against {against}",
            lambda: answer_sections.loss_section(item),
        )
    ]  # fmt: skip
    if drift_section.drifts(item.fit):
        found.append(
            _guarded(
                f"drift{suffix}", f"Exponents{of}, and how they drift",
                lambda: drift_section.drift_section(item),
            )
        )  # fmt: skip
    if can_allocate(item.fit):
        found.append(
            _guarded(
                f"allocation{suffix}", f"How to split a budget{of}",
                lambda: answer_sections.allocation_section(item),
            )
        )  # fmt: skip
        found.append(
            _guarded(f"risk{suffix}", f"Risk{of}", lambda: decision_sections.risk_section(item))
        )
        if suffix in ("", "-1"):  # one panel to a page
            found.append(_guarded("what-if", f"What if{of}", lambda: whatif.whatif_section(item)))
    found.append(
        _guarded(
            f"sensitivity{suffix}", f"Sensitivity{of}",
            lambda: decision_sections.sensitivity_section(item),
        )
    )  # fmt: skip
    if can_allocate(item.fit) and "learning_rate" in tuned:
        found.append(
            _guarded(
                f"learning-rate{suffix}", f"Learning rate{of}",
                lambda: answer_sections.learning_rate_section(item),
            )
        )  # fmt: skip
    return found


def _other_families(answers: tuple[Answers, ...]) -> Section:
    names = ", ".join(str(item.family) for item in answers[MOST_FAMILIES:])
    text = f"Without figures here, for length: {names}. Ask for one with family=."
    return Section(id="others", title="Other families", blocks=(Prose(text=text),))


def _guarded(id: str, title: str, make: Callable[[], Blocks]) -> Section:
    """Make a section, or one that shows why it could not be made."""
    try:
        return Section(id=id, title=title, blocks=make())
    except Exception as error:  # whatever it is, the reader gets an error box and never a gap
        where = traceback.extract_tb(error.__traceback__)[-1]
        text = f"{type(error).__name__}: {error} ({where.name}, line {where.lineno})"
        return Section(id=id, title=title, error=text)
