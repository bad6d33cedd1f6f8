"""What a report says of drift, exponents place by place, and of tempering, in one line."""

from __future__ import annotations

import numpy as np
import pytest

from bayes_scaling.facade import Fit
from bayes_scaling.figures.words import write_count
from bayes_scaling.reports.answer_sections import drift_section, drifts
from bayes_scaling.reports.answers import Answers, ask, families
from bayes_scaling.reports.blocks import Block, Prose, Table, Verdicts
from bayes_scaling.reports.contents import make_page, make_sections
from bayes_scaling.reports.fit_sections import diagnostics_section, model_section, symbols
from bayes_scaling.reports.verdict import numbers_section
from tests.synthetic import synthetic_ensemble, synthetic_fit

TEMPERED = "Tempered posterior, not a plain one; the largest runs weigh most: "


def answers(fit: Fit) -> Answers:
    return Answers(fit=fit, question=ask(fit, flops=1e23), family=families(fit)[0])


def table(blocks: tuple[Block, ...]) -> Table:
    return next(block for block in blocks if isinstance(block, Table))


def prose(blocks: tuple[Block, ...]) -> str:
    return " ".join(block.text for block in blocks if isinstance(block, Prose))


def test_exponents_are_told_at_the_reference_at_the_largest_run_and_at_the_answer() -> None:
    fit = synthetic_fit("coupled-drift")
    item = answers(fit)
    found = table(drift_section(item))
    assert [row[0] for row in found.rows] == ["params, alpha", "tokens, beta"]
    assert found.head[1::2][:3] == ("reference", "largest run", "answer")
    row = found.rows[0]
    assert row[1] == write_count(fit.references["params_ref"])
    asked = item.exponents.parts[2]
    assert asked.size == pytest.approx(fit.allocate(flops=1e23).choices[0].params)
    assert asked.exponent is not None
    low, high = np.quantile(asked.exponent, [0.05, 0.95])
    assert row[6].endswith(f"[{low:.2f}, {high:.2f}]")
    assert "At 1e23 FLOP" in prose(drift_section(item))


def test_members_that_drift_have_their_rows() -> None:
    ensemble = synthetic_ensemble("coupled-tempered", "coupled-drift", "coupled-drift-tempered")
    rows = table(drift_section(answers(ensemble))).rows
    assert [row[0] for row in rows] == ["coupled-drift"] * 2 + ["coupled-drift-tempered"] * 2


def test_a_family_has_its_own() -> None:
    fit = synthetic_fit("coupled-drift", families=("code", "web"))
    item = answers(fit)
    assert {part.label for part in item.exponents.parts} == {item.family}
    assert len(table(drift_section(item)).rows) == 2


def test_a_law_without_one_exponent_has_the_factor_in_its_place() -> None:
    model = synthetic_fit("kaplan-nd").model.with_features(drift=True, id="drifting")
    fit = synthetic_fit(model.to_dict())
    (params, tokens) = table(drift_section(answers(fit))).rows
    assert params[0].endswith(", alpha_N")
    assert tokens[0] == "tokens"
    assert tokens[2] == "1"
    assert tokens[6] == tokens[7]


def test_the_section_is_there_only_where_something_drifts() -> None:
    plain = synthetic_fit("kaplan-d").model
    for model, there in ((plain, False), (plain.with_features(drift=True, id="own"), True)):
        fit = synthetic_fit(model.to_dict())
        assert drifts(fit) is there
        ids = [section.id for section in make_sections(make_page(fit, ask(fit)))]
        assert ("drift" in ids) is there


@pytest.mark.slow
def test_no_section_of_the_default_laws_fails() -> None:
    ensemble = synthetic_ensemble("coupled-tempered", "coupled-drift", "coupled-drift-tempered")
    for fit in (ensemble, synthetic_fit("coupled-drift-tempered", families=("a", "b"))):
        assert [
            section.error for section in make_sections(make_page(fit, ask(fit))) if section.error
        ] == []


# ---- what is on top of the formula ---------------------------------------------------------------


def test_features_are_told_with_the_formula() -> None:
    plain, fit = synthetic_fit(), synthetic_fit("coupled-drift")
    assert "On top of" not in prose(model_section(plain))
    said = prose(model_section(fit))
    assert "On top of the formula: exponents of params and tokens drift with scale; a" in said
    several = prose(model_section(synthetic_ensemble("coupled-tempered", "coupled-drift")))
    assert several.count("On top of the formula: ") == 2


def test_reference_sizes_are_told_as_what_they_are() -> None:
    said = symbols(synthetic_fit("coupled-drift").only)
    assert "N0: 5.52e8, the geometric mean of the runs" in said
    assert "scale_low: 1.67e17, the smallest params x tokens of the runs" in said
    assert "scale_high: 1.67e20, the largest params x tokens of the runs" in said
    assert "params_low" not in said


# ---- tempering -----------------------------------------------------------------------------------


def test_tempering_is_told_with_the_numbers_and_under_diagnostics() -> None:
    fit = synthetic_fit("coupled-tempered")
    line = TEMPERED + "coupled-tempered (length 0.7)."
    assert line in prose(numbers_section((answers(fit),)))
    ensemble = synthetic_ensemble("coupled-tempered", "coupled-drift")
    assert line in prose(numbers_section((answers(ensemble),)))
    assert line in prose(diagnostics_section(ensemble))
    assert not any(isinstance(block, Verdicts) for block in diagnostics_section(ensemble))


def test_plain_posteriors_are_not_told_to_be_tempered() -> None:
    for fit in (synthetic_fit(), synthetic_fit("coupled-drift")):
        assert "empered" not in prose(numbers_section((answers(fit),)))
    assert "empered" not in prose(diagnostics_section(synthetic_ensemble()))
