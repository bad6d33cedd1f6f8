"""The report on an ensemble: its members, their own answers, and where the spread comes from."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import numpy as np
import pytest
from scipy.special import ndtri

import bayes_scaling as bs
from bayes_scaling.errors import UnconvergedError
from bayes_scaling.facade import Fit
from bayes_scaling.figures.words import without_kind
from bayes_scaling.intervals import interval
from bayes_scaling.posterior import Check
from bayes_scaling.questions.forecast import most_pessimistic
from bayes_scaling.questions.loss_curve import thin
from bayes_scaling.reports.answer_sections import members_section
from bayes_scaling.reports.answers import Answers, ask
from bayes_scaling.reports.blocks import (
    Block,
    Items,
    Notice,
    Picture,
    Prose,
    Table,
    Verdicts,
)  # fmt: skip
from bayes_scaling.reports.caveats import ONE_LAW, SOME_LAWS, caveats, missed_runs
from bayes_scaling.reports.contents import make_page, make_sections
from bayes_scaling.reports.decision_sections import risk_section
from bayes_scaling.reports.fit_sections import (
    diagnostics_section,
    model_section,
    posterior_section,
)
from bayes_scaling.reports.verdict import numbers_section, verdict_section
from tests.synthetic import CONFLICT, OK, UNCONVERGED, changed, synthetic_ensemble, synthetic_fit


def answers(ensemble: Fit) -> Answers:
    return Answers(fit=ensemble, question=ask(ensemble, target_loss=2.0))


def tables(blocks: tuple[Block, ...]) -> list[Table]:
    return [block for block in blocks if isinstance(block, Table)]


def prose(blocks: tuple[Block, ...]) -> str:
    return " ".join(block.text for block in blocks if isinstance(block, Prose))


def missing(side: str, share: str) -> tuple[Check, ...]:
    evidence = f"the best 11 of the 33 largest lie {share}% {side} the law, 4.8 times the noise"
    return (
        *OK,
        Check(name="largest runs", verdict="warn", evidence=evidence, advice="fit another"),
    )


@pytest.fixture(scope="module")
def ensemble() -> Fit:
    return synthetic_ensemble(weights={"chinchilla": 3, "coupled": 1})


@pytest.fixture(scope="module")
def item(ensemble: Fit) -> Answers:
    return answers(ensemble)


# ---- what each law says --------------------------------------------------------------------------


def test_every_member_has_its_weight_and_its_own_answer(item: Answers) -> None:
    members, _ = tables(members_section(item))
    assert [row[:2] for row in members.rows] == [("chinchilla", "0.75"), ("coupled", "0.25")]
    own = item.planned.draws[item.planned.member == 1, 0]
    assert members.rows[1][2] == without_kind(str(interval(own)))
    assert members.head[-2:] == ("its own best parameters", "its own best tokens")


def test_the_most_pessimistic_is_the_one_with_the_highest_median(item: Answers) -> None:
    planned = item.planned
    highest = changed(planned, draws=planned.draws + 5.0 * (planned.member == 0)[:, None])
    assert most_pessimistic(highest) == "chinchilla"
    highest = changed(planned, draws=planned.draws + 5.0 * (planned.member == 1)[:, None])
    assert most_pessimistic(highest) == "coupled"
    plain = Answers(fit=item.fit, question=ask(item.fit))
    worst = most_pessimistic(plain.planned)
    assert f"The most pessimistic is {worst}." in prose(members_section(plain))


def test_one_report_has_one_most_pessimistic_law(ensemble: Fit) -> None:
    """Of two laws one may have the higher median, and the other the lesser chance of the target."""
    planned = answers(ensemble).planned
    spread = np.where(planned.member == 0, 4.0, 1.0) * 0.05
    ranks = [np.argsort(np.argsort(planned.draws[planned.member == index, 0])) for index in (0, 1)]
    draws = planned.draws.copy()
    for index, rank in enumerate(ranks):  # as of two normals, the wider with the higher median
        own = planned.member == index
        draws[own, 0] = 2.0 + 0.01 * (index == 0) + spread[own] * ndtri((rank + 0.5) / rank.size)
    for target, worst in ((1.9, "coupled"), (2.1, "chinchilla")):
        item = Answers(fit=ensemble, question=ask(ensemble, target_loss=target))
        told = changed(item.planned, draws=draws)
        vars(item).update(planned=told, risk=changed(item.risk, forecast=told))
        assert most_pessimistic(told) == "chinchilla"
        assert most_pessimistic(told, target) == worst
        assert item.risk.rows()[0]["most_pessimistic"] == worst
        assert (
            f"The most pessimistic is {worst}, which gives {target:g} the least chance."
            in prose(members_section(item))
        )
        numbers = numbers_section((item,))[0]
        assert isinstance(numbers, Table)
        (row,) = (row for row in numbers.rows if row[0] == "The most pessimistic law")
        assert worst in row[2]
        assert f"it gives {target:g} the least chance" in row[2]
        assert f"{worst}, the most pessimistic law" in prose(risk_section(item))


def test_the_spread_is_told_for_every_budget(item: Answers) -> None:
    _, spread = tables(members_section(item))
    assert spread.head == ("C [FLOP]", "form", "drift", "parameters", "noise")
    assert len(spread.rows) == len(item.places)
    for row in spread.rows:
        assert sum(int(cell.removesuffix(" %")) for cell in row[1:]) == pytest.approx(100, abs=2)
    largest = max(item.planned.spread, key=lambda name: item.planned.spread[name][0])
    share = item.planned.spread[largest][0]
    assert f"at 1e23 FLOP is {largest} ({100 * share:.0f} %)" in prose(members_section(item))


def test_who_is_left_out_is_told_with_the_reason() -> None:
    item = answers(synthetic_ensemble(checks={"coupled": UNCONVERGED}))
    blocks = members_section(item)
    assert "One law counts here, so nothing is averaged" in prose(blocks)
    (told,) = (block for block in blocks if isinstance(block, Items))
    assert told.texts[0].startswith("coupled is left out: it did not converge (R-hat")
    assert any("coupled is left out" in text for text in caveats(item))
    assert caveats(item)[-1] == ONE_LAW
    sections = {
        section.id: section for section in make_sections(make_page(item.fit, item.question))
    }
    assert not any(section.error for section in sections.values())
    assert any(isinstance(block, Picture) for block in sections["posterior"].blocks)


def test_the_verdict_is_of_the_mixture_and_names_the_most_pessimistic(item: Answers) -> None:
    lead, numbers = verdict_section((item,))[0], numbers_section((item,))[0]
    assert isinstance(lead, Prose)
    assert without_kind(str(interval(item.planned.draws[:, 0]))) in lead.text
    assert isinstance(numbers, Table)
    (row,) = (row for row in numbers.rows if row[0] == "The most pessimistic law")
    worst = most_pessimistic(item.planned, 2.0)
    index = item.planned.members.index(worst)
    own = interval(item.planned.draws[item.planned.member == index, 0])
    assert str(own).startswith(f"{row[1]} [")
    assert f"{worst}, weight {item.planned.weights[index]:.2f} of 2 laws averaged" in row[2]
    alone = numbers_section((Answers(fit=synthetic_fit(), question=item.question),))[0]
    assert isinstance(alone, Table)
    assert not any("pessimistic" in row[0] for row in alone.rows)


# ---- caveats -------------------------------------------------------------------------------------


def test_the_last_caveat_is_that_the_laws_are_a_few_of_many(item: Answers) -> None:
    assert caveats(item)[-1] == SOME_LAWS


@pytest.mark.parametrize(
    ("second", "title", "told"),
    [
        (missing("below", "7.0"), "These laws miss your best", "They lie 7 % to 12 % below them."),
        (missing("below", "12"), "These laws miss your best", "They lie 12 % below them."),
        (OK, "Most of these laws miss your best", "They lie 12 % below them."),
        (missing("above", "7.0"), "These laws miss your best", "chinchilla: The best 11"),
    ],
)
def test_members_that_miss_the_best_large_runs_are_told(
    second: tuple[Check, ...], title: str, told: str
) -> None:
    item = answers(
        synthetic_ensemble(checks={"chinchilla": missing("below", "12"), "coupled": second})
    )
    notice = verdict_section((item,))[1]
    assert isinstance(notice, Notice)
    assert notice.title.startswith(title)
    assert told.replace(" % to", " to") in notice.text
    assert not any("argest runs" in text for text in caveats(item))


def test_a_minority_that_misses_them_is_a_lesser_caveat() -> None:
    ensemble = synthetic_ensemble(
        weights={"chinchilla": 1, "coupled": 3}, checks={"chinchilla": missing("below", "12")}
    )
    assert missed_runs(ensemble) is None
    assert any(text.startswith("Largest runs of chinchilla") for text in caveats(answers(ensemble)))


# ---- what they rest on ---------------------------------------------------------------------------


def test_priors_that_laws_share_stand_once(ensemble: Fit) -> None:
    (table,) = tables(model_section(ensemble))
    assert table.head[-1] == "laws"
    rows = [(row[0], row[-1]) for row in table.rows if row[1] != "implied"]
    assert [laws for name, laws in rows if name == "c"] == ["all"]
    assert [laws for name, laws in rows if name == "k"] == ["coupled"]
    assert {laws for name, laws in rows if name == "alpha"} == {"chinchilla", "coupled"}
    text = prose(model_section(ensemble))
    assert "chinchilla, weight 0.75: " in text
    assert "coupled, weight 0.25: " in text


def test_checks_stand_in_one_table_and_only_bad_ones_with_evidence() -> None:
    found = diagnostics_section(synthetic_ensemble(checks={"coupled": CONFLICT}))
    (table,) = tables(found)
    assert table.head == ("check", "chinchilla", "coupled")
    (row,) = (row for row in table.rows if row[0] == "prior against data")
    assert row[1:] == ("ok", "fail")
    (told,) = (block for block in found if isinstance(block, Verdicts))
    assert [row[:3] for row in told.rows] == [
        ("fail", "prior against data of coupled", "E at 1e-9")
    ]


def test_the_posterior_of_every_member_is_written(ensemble: Fit) -> None:
    first, second = (tables(posterior_section(ensemble, name, 0.5))[0] for name in ensemble.members)
    assert first.caption == "chinchilla, weight 0.75: median [50 % ETI]"
    rows = {row[0]: row[1] for row in second.rows}
    assert rows["k"] == without_kind(str(interval(ensemble.members["coupled"].draws["k"], 0.5)))


def test_thinning_shares_the_draws_of_a_figure_among_the_members() -> None:
    found = thin(synthetic_ensemble(draws=500))
    assert found.averages
    assert [fit.draws["E"].shape for fit in found.members.values()] == [(4, 125), (4, 125)]


# ---- the page ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def text(ensemble: Fit, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("report") / "report.html"
    return bs.report(ensemble, path, flops=1e23).read_text(encoding="utf-8")


def test_the_page_has_a_section_on_the_members(text: str) -> None:
    sections = re.findall(r'<section id="([^"]+)"', text)
    assert sections == [
        "verdict", "numbers", "decision", "members", "loss", "allocation", "risk", "what-if",
        "sensitivity", "data", "model", "diagnostics", "posterior", "check", "fixed", "methods",
        "provenance",
    ]  # fmt: skip
    assert "a forecast by the average of 2 laws" in text
    assert "thin lines: each by itself" in text


def test_the_figures_are_of_the_mixture(ensemble: Fit, text: str) -> None:
    params = ensemble.allocate(flops=1e23).choices[0].params
    found = ensemble.forecast({"flops": 1e23, "params": params})
    alt = unescape(re.findall(r'alt="(Loss along[^"]*)"', text)[0])
    assert str(interval(found.draws[:, 0])) in alt


def test_where_it_comes_from_names_every_model(ensemble: Fit, text: str) -> None:
    for name, fit in ensemble.members.items():
        assert f"{name}: model hash" in text
        assert fit.model.content_hash in text


def test_an_unconverged_ensemble_needs_leave_and_gets_a_banner(tmp_path: Path) -> None:
    checks = {"chinchilla": UNCONVERGED, "coupled": UNCONVERGED}
    ensemble = synthetic_ensemble(checks=checks)
    with pytest.raises(UnconvergedError):
        bs.report(ensemble, tmp_path / "r.html")
    text = bs.report(ensemble.accept_unconverged(), tmp_path / "r.html").read_text()
    assert text.index('class="banner"') < text.index('id="verdict"')


@pytest.mark.slow
def test_every_family_has_its_members(tmp_path: Path) -> None:
    ensemble = synthetic_ensemble(families=("c4", "code"))
    text = bs.report(ensemble, tmp_path / "r.html").read_text()
    sections = re.findall(r'<section id="(members[^"]*)"', text)
    assert sections == ["members-1", "members-2"]


def test_convergence_is_said_by_the_checks_that_are_listed() -> None:
    """The page said that all converged, above a warning that chains of one law disagree."""
    rough = Check(
        name="R-hat", verdict="warn", evidence="largest 1.013 (x)", advice="raise", sampling=True
    )
    odds = Check(name="ceiling", verdict="ok", evidence="the runs speak for a ceiling, 12 to 1")
    ensemble = synthetic_ensemble(checks={"coupled": (rough, *OK[1:], odds)})
    blocks = diagnostics_section(ensemble)
    text = prose(blocks)
    assert "for every law that counts, but not closely: R-hat of coupled (below)." in text
    assert "The runs speak for a ceiling, 12 to 1." in text
    (told,) = (block for block in blocks if isinstance(block, Verdicts))
    assert [row[:2] for row in told.rows] == [("warn", "R-hat of coupled")]
    said = caveats(answers(ensemble))
    assert any(each.startswith("R-hat of coupled: largest 1.013") for each in said)
    calm = prose(diagnostics_section(synthetic_ensemble()))
    assert "The sampler converged for every law that counts. " in calm


def test_what_several_laws_warn_of_alike_is_one_caveat() -> None:
    few = {
        name: (*OK, Check(name="design: few runs", verdict="warn", evidence=f"9 runs for {name}"))
        for name in ("chinchilla", "coupled")
    }
    said = [each for each in caveats(answers(synthetic_ensemble(checks=few))) if "9 runs" in each]
    assert said == ["Design: few runs of chinchilla and 1 more: 9 runs for chinchilla."]
