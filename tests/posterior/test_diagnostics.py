"""Verdicts on chains made by hand, good and bad."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bayes_scaling.laws.density import log_law
from bayes_scaling.laws.design import Design, make_design
from bayes_scaling.laws.forewarnings import Forewarning
from bayes_scaling.posterior import Check
from bayes_scaling.posterior.diagnostics import (
    Mixing,
    Verdict,
    _check_conflict,
    diagnose,
    doubts,
    elements,
    mixing,
    standing,
)
from tests.synthetic import PLAIN, changed, synthetic_fit

FIT = synthetic_fit(PLAIN, spread=0.001)
MODEL = FIT.model
DESIGN = make_design(MODEL, FIT.runs)
LAW = log_law(MODEL, DESIGN, FIT.flat)
GOOD = Mixing(r_hat=1.0, ess=2000.0, ess_tail=1800.0)


def chains(correlation: float = 0.0, draws: int = 1000, seed: int = 0) -> NDArray[np.float64]:
    """Four chains of unit variance with some correlation between neighbours."""
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((4, draws))
    for step in range(1, draws):
        values[:, step] *= np.sqrt(1 - correlation**2)
        values[:, step] += correlation * values[:, step - 1]
    return values


def checks(
    *,
    mixed: Mixing = GOOD,
    divergent: float = 0.0,
    energy: NDArray[np.float64] | None = None,
    draws: dict[str, NDArray[np.float64]] | None = None,
    design: Design = DESIGN,
    answer: Mixing | None = None,
) -> dict[str, Check]:
    """Diagnose a fit in which all is well but what is given."""
    diverging = np.zeros(4000, bool)
    diverging[: round(divergent * 4000)] = True
    stats: dict[str, NDArray[Any]] = {
        "diverging": diverging.reshape(4, 1000),
        "energy": chains() if energy is None else energy,
    }
    posterior = {**FIT.draws, **(draws or {})}
    answers = {} if answer is None else {"loss at 10x": answer}
    found = diagnose(MODEL, design, posterior, stats, {"E": GOOD, "alpha": mixed}, answers, LAW)
    return {check.name: check for check in found}


# ---- R-hat and effective draws -------------------------------------------------------------------


def test_independent_draws_are_all_effective() -> None:
    found = mixing(chains())
    assert found.r_hat == pytest.approx(1, abs=0.005)
    assert found.ess == pytest.approx(4000, rel=0.15)
    assert found.ess_tail == pytest.approx(4000, rel=0.15)


def test_correlated_draws_count_less() -> None:
    """A first-order process of correlation r has (1 - r) / (1 + r) effective draws per draw."""
    found = mixing(chains(0.9, draws=4000))
    assert found.ess == pytest.approx(16000 * 0.1 / 1.9, rel=0.25)


def test_chains_that_disagree_in_place_or_in_width() -> None:
    moved, wide = chains(), chains()
    moved[0] += 1.0
    wide[0] *= 4.0
    assert mixing(moved).r_hat > 1.05
    assert mixing(wide).r_hat > 1.05
    assert mixing(wide).ess_tail < 1000


@pytest.mark.parametrize(
    ("r_hat", "verdict"), [(1.0099, "ok"), (1.02, "warn"), (1.2, "fail"), (np.nan, "fail")]
)
def test_verdict_on_r_hat(r_hat: float, verdict: str) -> None:
    check = checks(mixed=Mixing(r_hat=r_hat, ess=2000, ess_tail=2000))["R-hat"]
    assert check.verdict == verdict
    assert (check.advice == "") == (verdict == "ok")
    assert "(alpha)" in check.evidence


@pytest.mark.parametrize(
    ("ess", "tail", "verdict"),
    [
        (450, 450, "ok"),
        (450, 250, "warn"),
        (250, 450, "warn"),
        (450, 50, "fail"),
        (50, 450, "fail"),
        (np.nan, 450, "fail"),
    ],
)
def test_verdict_on_effective_draws(ess: float, tail: float, verdict: str) -> None:
    check = checks(mixed=Mixing(r_hat=1.0, ess=ess, ess_tail=tail))["effective draws"]
    assert check.verdict == verdict
    assert "(alpha)" in check.evidence


def test_the_number_of_draws_to_ask_for_is_told() -> None:
    """Each chain has a thousand draws."""
    found = checks(mixed=Mixing(r_hat=1.02, ess=150, ess_tail=450))
    assert "raise draws (--draws 3000)" in found["effective draws"].advice
    assert "raise tune and draws (--draws 2000)" in found["R-hat"].advice
    none = checks(mixed=Mixing(r_hat=1.0, ess=np.nan, ess_tail=450))["effective draws"]
    assert "(--draws 10000)" in none.advice


def test_draws_that_never_move_fail() -> None:
    stuck = mixing(np.ones((4, 100)) * np.arange(4)[:, None])
    assert checks(mixed=stuck)["R-hat"].verdict == "fail"


def test_answers_decide_and_a_rough_parameter_is_a_note() -> None:
    rough = Mixing(r_hat=1.04, ess=90, ess_tail=90)
    found = checks(mixed=rough, answer=GOOD)
    for name, number in (("R-hat", "1.040"), ("effective draws", "90")):
        assert found[name].verdict == "ok"
        assert f"; alpha has {number}, on a ridge that moves no answer" in found[name].evidence
        assert checks(mixed=GOOD, answer=rough)[name].verdict == "fail"
        assert "(loss at 10x)" in checks(mixed=GOOD, answer=rough)[name].evidence
        assert "ridge" not in checks(mixed=GOOD, answer=GOOD)[name].evidence


def test_chains_of_a_parameter_that_are_apart_fail_whatever_the_answers() -> None:
    apart, still = Mixing(r_hat=1.3, ess=2000, ess_tail=2000), replace(GOOD, ess=20)
    assert checks(mixed=apart, answer=GOOD)["R-hat"].verdict == "fail"
    assert checks(mixed=still, answer=GOOD)["effective draws"].verdict == "fail"


def test_a_fit_is_called_what_its_checks_say() -> None:
    fine = Check(name="R-hat", verdict="ok", evidence="1.0", sampling=True)
    stuck = Check(name="R-hat", verdict="fail", evidence="1.3", sampling=True)
    wrong = Check(name="form", verdict="fail", evidence="a U")
    assert standing([fine]) == "converged"
    assert standing([fine, wrong]) == "converged, but not to be relied on: form"
    assert standing([stuck, wrong]) == "unconverged"
    assert repr(changed(FIT, checks=(wrong,))).endswith(
        "draws, converged, but not to be relied on: form)"
    )


# ---- the sampler ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("share", "verdict", "count"),
    [(0.0, "ok", 0), (0.001, "ok", 4), (0.005, "warn", 20), (0.05, "fail", 200)],
)
def test_verdict_on_divergences(share: float, verdict: str, count: int) -> None:
    check = checks(divergent=share)["divergences"]
    assert check.verdict == verdict
    assert check.evidence == f"{count} of 4000 draws"


def test_divergences_may_be_kept_as_numbers() -> None:
    """A saved fit holds them as bytes, where bool has no type."""
    stats: dict[str, NDArray[Any]] = {
        "diverging": np.array([[0, 1], [0, 0]], np.int8),
        "energy": chains(),
    }
    found = diagnose(MODEL, DESIGN, FIT.draws, stats, {"E": GOOD}, {}, LAW)
    assert "1 of 4 draws" in {check.evidence for check in found}


@pytest.mark.parametrize(("correlation", "verdict"), [(0.0, "ok"), (0.99, "fail")])
def test_verdict_on_energy(correlation: float, verdict: str) -> None:
    assert checks(energy=chains(correlation, draws=2000))["E-BFMI"].verdict == verdict


def test_the_worst_chain_decides_on_energy() -> None:
    energy = chains()
    energy[2] = chains(0.99)[2]
    assert checks(energy=energy)["E-BFMI"].verdict == "fail"


# ---- prior against data --------------------------------------------------------------------------


@pytest.mark.parametrize("side", [-1, 1])
@pytest.mark.parametrize(("sigmas", "verdict"), [(1.0, "ok"), (2.8, "warn"), (4.0, "fail")])
def test_verdict_on_prior_conflict(side: int, sigmas: float, verdict: str) -> None:
    """E has the prior LogNormal(0.2, 0.7); the median sits so many sigmas from its middle."""
    args = dict(MODEL.parameter("E").prior.args)
    middle = np.exp(args["mu"] + side * sigmas * args["sigma"])
    check = checks(draws={"E": middle * np.exp(0.01 * chains())})["prior against data"]
    assert check.verdict == verdict
    if verdict != "ok":
        assert "E" in check.evidence.split()
        assert "units" in check.advice


def test_pooled_parameters_are_judged_by_their_population() -> None:
    fit = synthetic_fit(PLAIN, families=("a", "b"))
    stats = {"diverging": fit.stats["diverging"], "energy": chains()}
    design = make_design(MODEL, fit.runs)
    law = log_law(MODEL, design, fit.flat)

    def verdict(**changes: NDArray[np.float64]) -> str:
        found = diagnose(MODEL, design, {**fit.draws, **changes}, stats, {"E": GOOD}, {}, law)
        return next(check.verdict for check in found if check.name == "prior against data")

    assert verdict() == "ok"
    assert verdict(alpha=1e3 * fit.draws["alpha"]) == "ok"
    assert verdict(alpha_population=1e3 * fit.draws["alpha_population"]) == "fail"
    one_group = fit.draws["E"] * np.array([1.0, 1e4])
    assert verdict(E=one_group) == "fail"


def test_the_oddest_of_many_groups_is_odder_than_one() -> None:
    """2.8 sigmas are odd for one value, and not for the oddest of thirty."""
    args = dict(MODEL.parameter("E").prior.args)
    apart = np.exp(0.01 * chains())
    verdicts = []
    for groups in (1, 30):
        sigmas = np.zeros(groups)
        sigmas[0] = 2.8
        middle = np.exp(args["mu"] + sigmas * args["sigma"])
        draws = {"E": apart[..., None] * middle}
        verdicts.append(_check_conflict(MODEL, {**synthetic_fit(PLAIN).draws, **draws}).verdict)
    assert verdicts == ["warn", "ok"]


# ---- the largest runs ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sigmas", "verdict", "side"),
    [(0.0, "ok", ""), (4.0, "warn", "above"), (-4.0, "warn", "below")],
)
def test_largest_runs_to_one_side_of_the_law(sigmas: float, verdict: str, side: str) -> None:
    """Noise has the scale .005; the runs of the larger half are moved by so many scales."""
    shift = np.where(FIT.runs["flops"] > 5e19, 0.005 * sigmas, 0.0)
    assert np.count_nonzero(shift) in (0, 8)
    moved = replace(DESIGN, response=DESIGN.response * np.exp(shift))
    check = checks(design=moved)["largest runs"]
    assert check.verdict == verdict
    assert side in check.evidence
    small = replace(DESIGN, response=DESIGN.response * np.exp(shift[::-1]))
    assert checks(design=small)["largest runs"].verdict == "ok"


# ---- tempering -----------------------------------------------------------------------------------


def test_a_tempered_posterior_says_so_and_stays_trustworthy() -> None:
    model = MODEL.with_features(temper=0.5)
    design = make_design(model, FIT.runs)
    stats = {"diverging": FIT.stats["diverging"], "energy": chains()}
    found = diagnose(model, design, FIT.draws, stats, {"E": GOOD}, {}, LAW)
    check = next(check for check in found if check.name == "tempering")
    assert check.verdict == "ok"
    assert check.advice == ""
    weigh = f"16 runs weigh as {design.weights.sum():.3g}"
    assert check.evidence == (
        f"tempered posterior, length 0.5: {weigh}, the largest most; not a plain posterior"
    )
    assert changed(FIT, model=model, checks=found).trustworthy
    assert "tempering" not in checks()


# ---- in words ------------------------------------------------------------------------------------


def test_what_the_design_said_is_repeated() -> None:
    said = (
        Forewarning(about="few runs", says="9 runs", advice="add one"),
        Forewarning(about="params with tokens", says="collinear"),
    )
    by_name = checks(design=replace(DESIGN, forewarnings=said))
    few, tied = by_name["design: few runs"], by_name["design: params with tokens"]
    assert (few.verdict, few.evidence, few.advice) == ("warn", "9 runs", "add one")
    assert (tied.verdict, tied.evidence, tied.advice) == ("warn", "collinear", "")
    assert few.of_design
    assert tied.of_design
    assert not checks()["R-hat"].of_design


def test_a_check_in_one_line() -> None:
    check = Check(name="R-hat", verdict="warn", evidence="largest 1.02 (E)", advice="raise draws")
    assert str(check) == "R-hat: warn (largest 1.02 (E)) - raise draws"
    assert str(Check(name="R-hat", verdict="ok", evidence="1.0")) == "R-hat: ok (1.0)"


def test_names_of_scalar_quantities() -> None:
    draws = {"E": np.zeros((2, 5)), "a": np.arange(20.0).reshape(2, 5, 2)}
    found = dict(elements(draws, ("x", "y")))
    assert list(found) == ["E", "a[x]", "a[y]"]
    np.testing.assert_array_equal(found["a[y]"], draws["a"][..., 1])


# ---- what is said --------------------------------------------------------------------------------


def test_doubts_are_said_once_for_each_kind_the_gravest_first() -> None:
    def check(name: str, verdict: Verdict) -> Check:
        return Check(name=name, verdict=verdict, evidence=f"of {name}")

    found = doubts(
        [
            check("E-BFMI", "warn").of("one"),
            check("design", "warn").of("one"),
            check("R-hat", "warn").of("one"),
            check("form", "ok").of("one"),
            check("R-hat", "fail").of("two"),
            check("design", "warn").of("two"),
        ]
    )
    said = [(each.name, each.verdict, each.evidence) for each in found]
    assert said == [
        ("R-hat of two and 1 more", "fail", "of R-hat"),
        ("design of one and 1 more", "warn", "of design"),
        ("E-BFMI of one", "warn", "of E-BFMI"),
    ]
    assert doubts([check("form", "ok")]) == []


def test_doubts_of_different_kinds_never_fold() -> None:
    """One ratio of tokens per parameter was folded into too few runs, and so not told."""

    def of_design(about: str) -> Check:
        return Check(name=f"design: {about}", verdict="warn", evidence=f"says {about}")

    few, tied = of_design("few runs"), of_design("params with tokens")
    out = [Check(name="members", verdict="warn", evidence=f"{name} is left out") for name in "ab"]
    found = doubts([few.of("one"), few.of("two"), tied, *out])
    assert [(each.name, each.evidence) for each in found] == [
        ("design: params with tokens", "says params with tokens"),
        ("design: few runs of one and 1 more", "says few runs"),
        ("members", "a is left out"),
        ("members", "b is left out"),
    ]
