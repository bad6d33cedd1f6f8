"""The report decides: cost, go or no go, a plan in place of options, limits, numbers to save."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import InputError
from bayes_scaling.questions.limits import Limits
from bayes_scaling.questions.rig import Rig
from bayes_scaling.questions.run_plan import read_run_plan
from bayes_scaling.reports.answers import Answers, ask
from bayes_scaling.reports.blocks import Facts, Prose, Table
from bayes_scaling.reports.caveats import caveats
from bayes_scaling.reports.decision_sections import decision_section, risk_section
from bayes_scaling.reports.verdict import verdict_section
from tests.synthetic import synthetic_fit

FIT = synthetic_fit(spread=0.01)
RIG = Rig(price=2.5)
PLAN = """title = "ours"
[run]
params = 2e10
tokens = 5e11
target_loss = 1.95
value = 1e7
[rig]
price = 2.5
[matched]
tokenizer = false
"""


def asked(**given: object) -> Answers:
    usual = {"flops": 1e23, "target_loss": 1.95, "rig": RIG, "value": 1e7}
    return Answers(fit=FIT, question=ask(FIT, **(usual | given)))  # type: ignore[arg-type]


def test_cost_and_decision_are_those_of_the_risk() -> None:
    item = asked()
    (row,) = item.risk.rows()
    lead = verdict_section((item,))[0]
    assert isinstance(lead, Prose)
    assert lead.text.lower().startswith(str(row["decision"]).lower())
    (cards,) = (block for block in verdict_section((item,)) if isinstance(block, Facts))
    cost = next(card for card in cards.rows if card[0] == "Cost")
    assert float(cost[1].replace(",", "")) == pytest.approx(RIG.money(1e23), rel=0.01)
    assert "kWh" in cost[2]
    said, takes, gates = decision_section(item)
    assert isinstance(said, Prose)
    assert "the expected gain is" in said.text
    assert isinstance(takes, Table)
    assert takes.head[-2:] == ("money", "energy [kWh]")
    assert isinstance(gates, Table)
    assert {row[-1] for row in gates.rows} <= {"worth it", "not worth it"}


def test_what_is_wasted_is_told_as_part_of_the_plan() -> None:
    far = {"params": 1e7, "tokens": 1e23 / 6e7}  # a split far from the best
    item = Answers(fit=FIT, question=replace(asked().question, sizes=far))
    (row,) = item.risk.rows()
    (takes,) = (block for block in decision_section(item)[1:2] if isinstance(block, Table))
    planned, wasted = (
        [float(cell.replace(",", "")) for cell in cells[1:]] for cells in takes.rows[:2]
    )
    assert takes.rows[1][0] == "of it for not knowing the best split"
    assert row["expected_wasted_share"] > 0.9
    for whole, part in zip(planned, wasted, strict=True):
        assert part <= whole
        assert part / whole == pytest.approx(row["expected_wasted_share"], rel=0.01)
    text = " ".join(block.text for block in risk_section(item) if isinstance(block, Prose))
    (told,) = re.findall(r"That is ([\d,]+) of the ([\d,]+) that it costs", text)
    assert float(told[0].replace(",", "")) <= float(told[1].replace(",", ""))


def test_energy_is_power_by_hours() -> None:
    assert Rig().energy(1e23) == pytest.approx(Rig().hours(1e23) * 1.5 * 700 / 1000)
    assert Rig(watts=500.0).energy(1e23) == pytest.approx(Rig().hours(1e23) / 2)
    assert Rig(accelerator="tpu-v5e").energy(1e23) is None
    with pytest.raises(InputError, match="watts is above 0"):
        Rig(watts=-1.0)


def test_limits_bound_the_planned_run() -> None:
    free, bound = asked(), asked(limits=Limits(max_params=1e10))
    assert free.planned.plan.columns["params"][0] > 1e10
    assert bound.planned.plan.columns["params"][0] == pytest.approx(1e10, rel=1e-6)
    assert bound.curve.forecast.plan.columns["params"].max() <= 1e10 * (1 + 1e-6)


def test_a_plan_says_it_all(tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text(PLAN, encoding="utf-8")
    text = unescape(bs.report(FIT, tmp_path / "page.html", plan=plan).read_text("utf-8"))
    assert "the plan is 20 B parameters on 500 B tokens" in text
    assert "Tokenizer differs" in text
    assert "could not be made" not in text
    with pytest.raises(InputError, match="a plan says what is asked"):
        bs.report(FIT, tmp_path / "page.html", plan=plan, flops=1e23)
    plan.write_text(PLAN + "[limits]\nmax_params = 4e9\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"2e\+10 params of the plan are more than max_params"):
        bs.report(FIT, tmp_path / "broken.html", plan=plan)
    assert not (tmp_path / "broken.html").exists()
    plan.write_text(PLAN + "[limits]\ninference_tokens = 1e12\n", encoding="utf-8")
    served = Answers(fit=FIT, question=ask(FIT, plan=read_run_plan(plan)))
    assert served.question.at == pytest.approx(6 * 2e10 * 5e11 + 2 * 2e10 * 1e12)
    assert served.risk_flops == pytest.approx(served.question.at)
    assert served.risk.flops[0] == pytest.approx(6 * 2e10 * 5e11)


def test_a_value_needs_a_target_and_a_price(tmp_path: Path) -> None:
    for given in ({"target_loss": 2.0}, {"rig": RIG}):
        with pytest.raises(InputError, match="give target_loss, and the price"):
            bs.report(FIT, tmp_path / "page.html", value=1.0, **given)
    assert list(tmp_path.iterdir()) == []


def test_numbers_to_save_are_those_of_the_answers(tmp_path: Path) -> None:
    text = bs.report(FIT, tmp_path / "page.html", flops=1e23, target_loss=1.95).read_text("utf-8")
    (saved,) = re.findall(r'id="numbers">(.*?)</script>', text, flags=re.S)
    found = json.loads(saved)
    risk = FIT.risk(flops=1e23, target_loss=1.95).rows()[0]
    planned = found["answers"]["all"]["planned"][0]
    assert planned["new_run"] == pytest.approx(risk["new_run"])
    assert found["answers"]["all"]["risk"][0]["chance"] == pytest.approx(risk["chance"])
    assert len(found["answers"]["all"]["budgets"]) == 4
    assert found["asked"]["target_loss"] == 1.95


def test_a_law_in_compute_alone_is_weighed_without_splits() -> None:
    fit = synthetic_fit("kaplan-c")
    target = float(np.quantile(fit.forecast({"flops": 1e22}).draws, 0.5))
    question = ask(fit, flops=1e22, target_loss=target, rig=RIG, value=1e9)
    item = Answers(fit=fit, question=question)
    (row,) = item.risk.rows()
    said, takes, gate = decision_section(item)
    assert isinstance(gate, Table)
    assert [cells[1] for cells in gate.rows] == ["1e21 FLOP", "1e20 FLOP"]
    assert isinstance(said, Prose)
    assert "is worth" in said.text
    assert isinstance(takes, Table)
    assert [cells[0] for cells in takes.rows] == [
        "the planned run",
        "to reach the target with 90 %",
    ]
    lead = verdict_section((item,))[0]
    assert isinstance(lead, Prose)
    assert lead.text.lower().startswith(str(row["decision"]).lower())
    chance, picture = risk_section(item)
    assert isinstance(chance, Prose)
    assert row["in_words"] in chance.text
    assert "split" not in f"{chance.text} {picture}"
    assert "two of the columns params, tokens and flops" in question.unanswered[0]


def test_of_a_model_that_serves_costs_are_of_training_and_say_so() -> None:
    item = asked(limits=Limits(inference_tokens=1e12))
    (row,) = item.risk.rows()
    takes = next(block for block in decision_section(item) if isinstance(block, Table))
    cells = {line[0]: [float(each.replace(",", "")) for each in line[1:]] for line in takes.rows}
    assert list(cells)[:3] == [
        "the planned run, its training",
        "with what it serves",
        "of it for not knowing the best split",
    ]
    sure = next(line for name, line in cells.items() if name.startswith("to reach the target"))
    assert cells["the planned run, its training"][0] == pytest.approx(row["flops"], rel=0.01)
    assert cells["with what it serves"][0] == pytest.approx(1e23)
    assert sure[0] == pytest.approx(row["enough_flops"], rel=0.01)
    assert sure[0] < row["enough_lifetime_flops"]
    assert sure[2] == pytest.approx(RIG.money(row["enough_flops"]), rel=0.01)
    lead = verdict_section((item,))[0]
    assert isinstance(lead, Prose)
    assert "at 1e23 FLOP of training and serving, for " in lead.text
    assert " to train, the best split" in lead.text


def test_a_limit_is_named_where_it_holds_the_split_back_and_the_runs_are_not_blamed() -> None:
    item = asked(limits=Limits(max_params=1e10))
    text = " ".join(caveats(item))
    assert "In 100% of the draws the best split of a budget is held back" in text
    assert "max_params 1e+10" in text
    assert "no split of a budget is best" not in text
    assert "held back" not in " ".join(caveats(asked()))
    prose = " ".join(block.text for block in risk_section(item) if isinstance(block, Prose))
    assert "against the best split under each draw within the limits (max_params 1e+10)" in prose
    takes = next(block for block in decision_section(item) if isinstance(block, Table))
    wasted = next(line for line in takes.rows if line[0].startswith("of it"))
    assert set(wasted[1:]) == {"0"}
