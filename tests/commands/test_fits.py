"""Commands that sample a fit, and that report on one."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from bayes_scaling.facade import Fit
from bayes_scaling.fitting import load
from bayes_scaling.posterior import Check
from tests.command_line import INTERVAL, call
from tests.synthetic import OK, UNCONVERGED, load_fit, synthetic_fit

# ---- fit -----------------------------------------------------------------------------------------

SHORT = ("-m", "chinchilla", "--draws", 300, "--tune", 300, "--chains", 2, "--seed", 3)


@pytest.fixture(scope="module")
def table(fitted: Fit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runs of `fitted` as a file."""
    path = tmp_path_factory.mktemp("runs") / "runs.csv"
    fitted.runs.frame.to_csv(path, index=False)
    return path


def test_fit_saves_and_prints_the_posterior(table: Path, tmp_path: Path) -> None:
    saved = tmp_path / "fit.nc"
    found = call("fit", table, "-o", saved, *SHORT)
    fit = load_fit(saved)
    assert found.code == (0 if fit.trustworthy else 2)
    assert found.err == "" or not fit.trustworthy
    assert f"saved to {saved}" in found.out
    assert "80 runs, 2 chains of 300 draws" in found.out
    for name in ("E", "alpha", "A", "sigma"):
        assert re.search(rf"^{name} +{INTERVAL} +[01]\.\d\d\d +\d+$", found.out, re.M)
    assert re.search(r"^divergences: ok", found.out, re.M)
    as_json = call("fit", table, "-o", tmp_path / "again.nc", *SHORT, "--json")
    again = as_json.json
    assert again["status"] == fit.status
    assert again["saved"] == str(tmp_path / "again.nc")
    assert again["posterior"]["E"]["median"] == np.median(fit.draws["E"])
    assert again["provenance"]["runs_hash"] == fit.runs.content_hash
    assert {check["name"] for check in again["checks"]} == {check.name for check in fit.checks}


def test_fit_takes_some_rows(table: Path, tmp_path: Path) -> None:
    found = call(
        "fit", table, *SHORT, "-o", tmp_path / "fit.nc", "--where", "flops < 5e20", "--json"
    )
    assert found.json["runs"] == 60
    assert load(tmp_path / "fit.nc").runs["flops"].max() < 5e20


def test_fit_takes_the_best_run_of_each_cell(table: Path, tmp_path: Path) -> None:
    found = call("fit", table, *SHORT, "-o", tmp_path / "fit.nc", "--best", "--json")
    assert found.json["runs"] == 16
    assert any("best of 80 runs" in note for note in found.json["notes"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-m", "chinchila"], "did you mean 'chinchilla'"),
        (["-m", "chinchila", "-m", "couplet"], "2 problems"),
        (["-m", "auto", "-m", "chinchilla"], "'auto' stands for models by itself"),
        (["-m", "coupled", "-m", "coupled"], "2 members are called 'coupled'"),
        (["-m", "coupled", "-m", "kaplan-n"], "members must agree"),
        (["--where", "flopz < 1e19"], "'flops'"),
        (["--where", "flops < 1"], "none of 80 runs"),
        (["--draws", "3", "--chains", "1"], "2 problems"),
        (["--draws", "many"], "--draws"),
    ],
)
def test_what_cannot_be_fitted(
    table: Path, tmp_path: Path, options: list[str], message: str
) -> None:
    found = call("fit", table, "-o", tmp_path / "fit.nc", *options)
    assert found.code == 1
    assert message in found.err
    assert list(tmp_path.iterdir()) == []


# ---- report --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("checks", "code"), [(OK, 0), (UNCONVERGED, 2)])
def test_report_on_a_saved_fit(
    checks: tuple[Check, ...], code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The writer itself has its own tests: here it is what the command hands to it."""
    given: dict[str, object] = {}

    def write(fit: Fit, output: Path, **options: object) -> Path:
        given.update(options, model=fit.model.id)
        output.write_text("<html></html>")
        return output

    monkeypatch.setattr("bayes_scaling.reports.report", write)
    synthetic_fit(checks=checks).save(tmp_path / "fit.nc")
    out = tmp_path / "out.html"
    options = ("--flops", 1e23, "--target-loss", 1.9, "--probability", 0.8, "-o", out)
    found = call("report", tmp_path / "fit.nc", *options)
    assert found.code == code
    assert found.out == f"wrote {out}\n"
    assert given["model"] == "chinchilla"
    assert given["flops"] == 1e23
    assert given["target_loss"] == 1.9
    assert given["probability"] == 0.8
    as_json = call("report", tmp_path / "fit.nc", *options, "--json")
    assert as_json.code == code
    assert as_json.json["report"] == str(out)
    assert as_json.json["model"] == "chinchilla"


@pytest.mark.slow
def test_report_is_written(tmp_path: Path) -> None:
    out = tmp_path / "out.html"
    saved = synthetic_fit().save(tmp_path / "good.nc")
    assert call("report", saved, "-o", out).code == 0
    page = out.read_text(encoding="utf-8")
    assert page.count("<img") >= 1
    assert "chinchilla" in page


def test_groups_are_named_in_a_shell() -> None:
    from bayes_scaling.commands.chosen import chosen_models
    from bayes_scaling.errors import InputError
    from bayes_scaling.laws import Model

    for given, group in (("metric", "metric"), ("corpus/family", "corpus/family")):
        models = chosen_models(["chinchilla"], pool_by=given)
        assert models is not None
        assert isinstance(models[0], Model)
        assert models[0].group == group
    with pytest.raises(InputError, match="--pool-by: name the model to pool by metric"):
        chosen_models(None, pool_by="metric")


def test_parameters_are_held_in_a_shell() -> None:
    from bayes_scaling.commands.chosen import chosen_models
    from bayes_scaling.errors import InputError
    from bayes_scaling.laws import Model

    models = chosen_models(["chinchilla"], fix=["alpha=.34", "E=1.69"])
    assert models is not None
    (model,) = models
    assert isinstance(model, Model)
    assert not {"alpha", "c"} & {parameter.name for parameter in model.parameters}
    assert {line.name for line in model.where} >= {"alpha", "E", "c"}
    assert len([line for line in model.where if line.name == "E"]) == 1
    for names, fix, says in (
        (["chinchilla"], ["alpha"], "--fix takes name=number"),
        (["chinchilla"], ["alhpa=1"], "no prior can be put on 'alhpa'"),
        (None, ["alpha=1"], "name the model, such as -m chinchilla"),
    ):
        with pytest.raises(InputError, match=says):
            chosen_models(names, fix=fix)
