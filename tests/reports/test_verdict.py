"""The verdict: what is said at first sight, and what the captions say of the same."""

from __future__ import annotations

import numpy as np
import pytest

from bayes_scaling.facade import Fit
from bayes_scaling.posterior import Check
from bayes_scaling.reports.answer_sections import (
    allocation_section,
    learning_rate_section,
    loss_picture,
)
from bayes_scaling.reports.answers import Answers, ask, families
from bayes_scaling.reports.blocks import Block, Facts, Notice, Picture, Prose, Table
from bayes_scaling.reports.caveats import caveats, missed_runs
from bayes_scaling.reports.verdict import CARDS, MISSED, numbers_section, verdict_section
from bayes_scaling.runs import RunTable
from bayes_scaling.runs.designs import mistuned
from tests.synthetic import OK, changed, synthetic_fit

UNIT = "validation nats per byte"


def missing(side: str) -> Check:
    evidence = f"the best 11 of the 33 largest lie 11.9% {side} the law, 4.8 times the noise"
    return Check(name="largest runs", verdict="warn", evidence=evidence, advice="fit another law")


def answers(fit: Fit) -> tuple[Answers, ...]:
    question = ask(fit, target_loss=2.0)
    return tuple(Answers(fit=fit, question=question, family=name) for name in families(fit))


def caption(blocks: tuple[Block, ...]) -> str:
    return next(block.caption for block in blocks if isinstance(block, Picture))


@pytest.fixture(scope="module")
def fit() -> Fit:
    return synthetic_fit("chinchilla-lr", extra={"metric": UNIT})


@pytest.mark.parametrize("side", ["below", "above"])
def test_a_law_that_misses_the_best_large_runs_says_so_first(fit: Fit, side: str) -> None:
    (item,) = answers(changed(fit, checks=(*OK, missing(side))))
    lead, notice, picture, cards = verdict_section((item,))[:4]
    assert isinstance(lead, Prose)
    assert lead.lead
    assert isinstance(picture, Picture)
    assert isinstance(notice, Notice)
    assert (notice.tone, notice.title) == ("warn", MISSED)
    assert f"12 % {side} it. Expect the big run {side} this forecast" in notice.text
    assert "Fit another law." in notice.text
    assert isinstance(cards, Facts)
    titles = [block.title for block in verdict_section((item,)) if isinstance(block, Notice)]
    assert titles == [MISSED, "Next caveat"]
    assert not any("argest runs" in text for text in caveats(item))
    assert f"they lie 12 % {side} the line" in picture.caption
    assert "lie above the line" not in picture.caption.replace("12 % above", "")


def test_evidence_in_other_words_is_passed_on(fit: Fit) -> None:
    check = Check(name="largest runs", verdict="warn", evidence="three runs look odd")
    (item,) = answers(changed(fit, checks=(*OK, check)))
    notice = verdict_section((item,))[1]
    assert isinstance(notice, Notice)
    assert notice.text.startswith("Three runs look odd. Expect the big run off this forecast")


def test_without_the_warning_there_is_no_notice(fit: Fit) -> None:
    assert missed_runs(fit) is None
    (item,) = answers(fit)
    blocks = verdict_section((item,))
    assert [type(block) for block in blocks] == [Prose, Picture, Facts, Notice]
    assert "lie above the line" in caption(blocks)


def test_the_first_screen_has_four_cards_whatever_is_asked(fit: Fit) -> None:
    for law in (fit, synthetic_fit("kaplan-n"), synthetic_fit("kaplan-c")):
        (item,) = answers(law)
        (cards,) = (block for block in verdict_section((item,)) if isinstance(block, Facts))
        assert len(cards.rows) == CARDS
        assert len({label for label, _, _ in cards.rows}) == CARDS


def test_units_brackets_and_efolds_are_told_once(fit: Fit) -> None:
    (item,) = answers(fit)
    lead, _, cards = verdict_section((item,))[:3]
    _, reading = numbers_section((item,))[:2]
    assert isinstance(lead, Prose)
    assert lead.text.endswith(f"] {UNIT} (90 % interval).")
    assert isinstance(cards, Facts)
    texts = {label: f"{value} {detail}" for label, value, detail in cards.rows}
    assert UNIT in texts["Loss of a new run"]
    assert "ETI" not in "".join(texts.values())
    assert isinstance(reading, Prose)
    assert "5 % below and 5 % above: an equal-tailed interval, or ETI" in reading.text
    assert "4.6 e-folds = 100\N{MULTIPLICATION SIGN}" in reading.text


def test_the_best_run_is_named(fit: Fit) -> None:
    (item,) = answers(fit)
    numbers = numbers_section((item,))[0]
    assert isinstance(numbers, Table)
    value, detail = next(row[1:] for row in numbers.rows if row[0] == "Best run so far")
    assert value == f"{fit.runs['loss'].min():.4g} at 1e21 FLOP"
    assert detail.startswith(UNIT)


def test_the_sizes_of_the_best_run_are_those_of_the_run(fit: Fit) -> None:
    columns = {**fit.runs.columns, "params": np.full(len(fit.runs), 1.25e8)}
    (item,) = answers(changed(fit, runs=RunTable(columns=columns)))
    numbers = numbers_section((item,))[0]
    assert isinstance(numbers, Table)
    detail = next(row[2] for row in numbers.rows if row[0] == "Best run so far")
    assert "125 M parameters" in detail


def test_a_unit_that_is_not_known_is_not_named() -> None:
    lead = verdict_section(answers(synthetic_fit()))[0]
    assert isinstance(lead, Prose)
    assert lead.text.endswith("] (90 % interval).")


def test_the_order_of_families_is_told() -> None:
    order = verdict_section(answers(synthetic_fit("kaplan-c", families=tuple("abcde"))))[4]
    assert isinstance(order, Prose)
    assert "the one with the largest run comes first" in order.text
    assert "figures follow for the first 4" in order.text
    both = verdict_section(answers(synthetic_fit("kaplan-c", families=("a", "b"))))[4]
    assert isinstance(both, Prose)
    assert "Headline and cards are of a; figures follow for all of them" in both.text


def test_a_split_that_was_hardly_tried_is_named() -> None:
    fit = synthetic_fit()
    (item,) = answers(fit)
    assert "hardly tried" not in caption(allocation_section(item))
    ratio = np.where(fit.runs["tokens"] / fit.runs["params"] < 5, 0.1, 0.2)
    columns = {
        **fit.runs.columns,
        "params": np.sqrt(fit.runs["flops"] / 6 / ratio),
        "tokens": np.sqrt(fit.runs["flops"] / 6 * ratio),
    }
    (item,) = answers(changed(fit, runs=RunTable(columns=columns)))
    written = caption(allocation_section(item))
    assert (
        "90 % of the runs near that budget have 0.12 to 0.2: that split was hardly tried."
        in written
    )


def test_the_figure_of_rates_tells_line_from_points(fit: Fit) -> None:
    (item,) = answers(fit)
    written = caption(learning_rate_section(item))
    assert "Line: the bottom of the learning-rate valley" in written
    assert "need not lie on the line" in written


@pytest.mark.parametrize("worse", [True, False])
def test_faint_points_are_told_where_there_are_any(worse: bool) -> None:
    """Rates that differ from size to size, one a size, beat nothing."""
    fit = synthetic_fit(learning_rates=True)
    rates = fit.runs["learning_rate"] if worse else 1 / np.sqrt(fit.runs["params"])
    runs = RunTable(columns={**fit.runs.columns, "learning_rate": rates})
    assert bool(mistuned(runs).any()) == worse
    (item,) = answers(changed(fit, runs=runs))
    assert ("Faint points" in loss_picture(item).caption) == worse
