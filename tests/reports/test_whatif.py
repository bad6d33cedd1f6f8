"""The what-if panel: formulas as JavaScript, what is embedded, and a browser that computes."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import InputError
from bayes_scaling.facade import Fit
from bayes_scaling.formula.javascript import to_javascript
from bayes_scaling.formula.nodes import Name, Number, Solve
from bayes_scaling.formula.parse import parse_formula
from bayes_scaling.laws.link import link_of
from bayes_scaling.laws.shares import of_shares
from bayes_scaling.questions.forecast import forecast_by_law
from bayes_scaling.questions.loss_curve import thin
from bayes_scaling.questions.rig import Rig
from bayes_scaling.reports.answers import Answers, ask
from bayes_scaling.reports.pdf import QUIET, browser
from bayes_scaling.reports.whatif import DRAWS, whatif_panel
from bayes_scaling.runs import RunTable
from tests.synthetic import synthetic_ensemble, synthetic_fit

FLOPS = 1e23


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("a + b * params**-c", "(v.a + (v.b * Math.pow(v.params, (-v.c))))"),
        ("where(a < 2, exp(a), log10(b))", "((v.a < 2.0) ? Math.exp(v.a) : Math.log10(v.b))"),
        ("logaddexp(a, b) - sigmoid(c)", "(logaddexp(v.a, v.b) - sigmoid(v.c))"),
        ("min(a, b, 3)", "Math.min(v.a, v.b, 3.0)"),
    ],
)
def test_formulas_are_printed_as_javascript(text: str, script: str) -> None:
    assert to_javascript(parse_formula(text)) == script


def test_a_root_has_no_javascript() -> None:
    with pytest.raises(InputError, match="solve"):
        to_javascript(Solve("x", Name("x"), Number(0.0), Number(1.0)))


def test_what_is_embedded_is_small_and_safe() -> None:
    fit = synthetic_fit("coupled-drift", draws=1000)
    panel = whatif_panel(Answers(fit=fit, question=ask(fit, flops=FLOPS, target_loss=2.0)))
    data = json.loads(panel.data)
    assert data["target"] == 2.0
    assert data["laws"][0]["draws"] <= 1000
    assert len(panel.data) < 1e6
    assert "<" not in panel.data
    knots = data["laws"][0]["walks"]["params"]["knots"]
    assert len(data["laws"][0]["walks"]["params"]["slope"][0]) == len(knots) < 40


def computed(page: Path, asked: str) -> dict[str, float]:
    """Open a page in a browser and read the numbers of the panel."""
    program = browser()
    assert program is not None
    done = subprocess.run(
        [program, *QUIET, f"--user-data-dir={page.parent / 'profile'}", "--dump-dom",
         f"{page.as_uri()}#what-if?{asked}"],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    found = re.findall(r'id="whatif-([a-z-]+)" data-value="([^"]*)"', done.stdout)
    return {name: float(value) for name, value in found}


def error_rates() -> Fit:
    """A fit of error rates, whose noise acts on their log odds."""
    made = synthetic_fit("ceiling-tempered", draws=200).only
    columns = {name: made.runs[name] for name in ("params", "tokens", "loss")}
    runs = RunTable.from_columns({**columns, "loss": columns["loss"] / 6})
    draws = {**made.draws, "c": made.draws["c"] / 6}
    return Fit.of_one(replace(made, model=of_shares(made.model), runs=runs, draws=draws))


@pytest.mark.slow
@pytest.mark.skipif(browser() is None, reason="no Chromium")
@pytest.mark.parametrize(
    "fit",
    [
        synthetic_fit("coupled-drift", draws=200),
        synthetic_fit("chinchilla-lr", draws=200),
        synthetic_ensemble("coupled-tempered", "coupled-drift", draws=200),
        error_rates(),
    ],
    ids=["drift", "tuned", "ensemble", "error rates"],
)
def test_a_browser_answers_as_python_does_on_the_same_draws(fit: Fit, tmp_path: Path) -> None:
    target = 0.33 if link_of(next(iter(fit.members.values())).model).bounded else 1.95
    page = bs.report(fit, tmp_path / "page.html", flops=FLOPS, target_loss=target)
    item = Answers(fit=fit, question=ask(fit, flops=FLOPS, target_loss=target))
    planned, tokens = (float(item.planned.plan.columns[n][0]) for n in ("params", "tokens"))
    params, flops = 2.5 * planned, 4 * FLOPS
    found = computed(
        page, f"flops={flops}&params={params}&target={target}&price=2.5&look={FLOPS / 7}"
    )
    losses = []
    for member in thin(fit, DRAWS).members.values():
        at = forecast_by_law(member, {"params": planned, "tokens": tokens})
        there = forecast_by_law(member, {"params": params, "tokens": flops / 6 / params})
        link = link_of(member.model)
        noise = link.forward(at.draws) - link.forward(at.noise_free)
        losses.append(link.shifted(there.noise_free, noise)[:, 0])
    draws = np.concatenate(losses)
    low, middle, high = np.quantile(draws, [0.05, 0.5, 0.95])
    expected = {"loss": middle, "low": low, "high": high, "tokens": flops / 6 / params,
                "cost": 2.5 * Rig().hours(flops), "hours": Rig().hours(flops)}  # fmt: skip
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-5), name
    assert found["chance"] == pytest.approx(np.mean(draws <= target), abs=1e-9)
    best = computed(page, f"flops={FLOPS}")
    assert best["params-is"] == pytest.approx(fit.allocate(flops=FLOPS).choices[0].params, rel=0.1)
