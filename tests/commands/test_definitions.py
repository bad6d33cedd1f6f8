"""The command ``models``: the list, and one model with all that its prior expects."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

import bayes_scaling as bs
from bayes_scaling.commands.definitions import SHOWN, formula_lines, latex_lines, print_models
from bayes_scaling.errors import InputError
from bayes_scaling.laws import list_models, load_model
from tests.command_line import call

OWN = """
formula = "a * (tokens / tokens_ref)**-g + b * z"
references = ["nowhere, eq. 1"]

[solve.z]
residual = "z**3 + z - a"
lo = "0"
hi = "1 + a"

[parameters.a]
prior = { dist = "LogNormal", mu = 0.0, sigma = 1.0 }
about = "loss at the reference"

[parameters.b]
value = 0.5

[parameters.g]
prior = { dist = "LogNormal", mu = -2.0, sigma = 1.0 }

[published]
formula = "A / scale"

[published.where]
scale = "tokens**g"

[published.laws.someone-2020]
constants = { A = 12.5, g = 0.1 }
intervals = { A = [11, 14] }
units = "nats per token"
source = "table 7"
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(OWN)
    return path


# ---- the list ------------------------------------------------------------------------------------


def test_models_are_listed_once_each_by_kind() -> None:
    found = call("models")
    assert found.code == 0
    lines = [line.split() for line in found.out.splitlines()]
    known = {model.id: model for model in list_models()}
    ids = [words[0] for words in lines if words and words[0] in known]
    assert sorted(ids) == sorted(known)
    kinds = [known[name].kind for name in ids]
    order = ["law", "rule", "query", "decision"]
    assert kinds == sorted(kinds, key=order.index)


def test_a_variant_stands_below_the_law_it_is_built_on() -> None:
    lines = call("models").out.splitlines()
    ids = [line.split()[0] if line else "" for line in lines]
    base, variant = ids.index("coupled"), ids.index("coupled-drift")
    assert base < variant
    assert lines[variant].index("c") == lines[base].index("c") + 2


def test_the_list_as_data() -> None:
    as_json = call("models", "--json").json
    assert [item["id"] for item in as_json] == [model.id for model in list_models()]
    by_id = {item["id"]: item for item in as_json}
    assert by_id["kaplan-c"]["inputs"] == ["flops"]
    assert by_id["kaplan-c"]["response"] == "loss"
    assert by_id["coupled"]["base"] == "chinchilla"
    assert {item["kind"] for item in as_json} <= {"law", "rule", "query", "decision"}


def test_rules_and_queries_have_headings_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    law = load_model("kaplan-c")
    print_models([law, replace(law, id="a-query", kind="query")])
    text = capsys.readouterr().out
    assert text.index("laws: ") < text.index("kaplan-c") < text.index("queries: ")
    assert text.index("queries: ") < text.index("a-query")
    assert "rules: " not in text


# ---- one model -----------------------------------------------------------------------------------


def test_a_model_is_shown() -> None:
    found = call("models", "show", "chinchilla-lr")
    assert found.code == 0
    texts = ("loss = ", "tuned: learning_rate", "alpha ", "arXiv:2203.15556", "params_ref**alpha")
    for text in texts:
        assert text in found.out
    (row,) = (line for line in found.out.splitlines() if line.startswith("reference run"))
    expected = bs.prior_predictive("chinchilla-lr", random_seed=0).rows()[1]
    assert row.split()[2:6] == ["1e+08", "2e+09", "1.2e+18", f"{expected['new_run']:.3g}"]
    assert f"{expected['new_run_lower90']:.3g} to {expected['new_run_upper90']:.3g}" in row


def test_a_model_as_data() -> None:
    as_json = call("models", "show", "chinchilla-lr", "--json").json
    model = load_model("chinchilla-lr")
    assert as_json["content_hash"] == model.content_hash
    low, high = as_json["parameters"]["alpha"]["range90"]
    assert model.parameter("alpha").prior.cdf([low, high]) == pytest.approx([0.05, 0.95])
    derived = as_json["implied_prior"]["range90"]
    assert set(derived) == {line.name for line in model.derived}
    # E is c f: its median is near exp(0.7) / 2.
    assert derived["E"][0] < 1 < derived["E"][1]
    assert as_json["implied_prior"]["at"] == pytest.approx({"params_ref": 1e8, "tokens_ref": 2e9})
    rows = as_json["prior_predictive"]["loss"]
    assert [row["run"] for row in rows][:2] == ["smallest run", "reference run"]
    assert all(row["new_run_lower90"] < row["new_run"] < row["new_run_upper90"] for row in rows)
    assert len(as_json["latex"]) == len(as_json["text"])


def test_a_shown_model_is_a_definition_of_itself() -> None:
    as_json = call("models", "show", "coupled", "--json").json
    for extra in SHOWN:
        del as_json[extra]
    for parameter in as_json["parameters"].values():
        del parameter["range90"]
    assert load_model(as_json).content_hash == load_model("coupled").content_hash


def test_formulas_are_written_as_text_and_in_latex() -> None:
    model = load_model("kaplan-c")
    assert formula_lines(model) == ["loss = c * (flops / flops_ref)**-alpha_C"]
    assert latex_lines(model) == [r"L = c \, \left(\frac{C}{C_0}\right)^{-\alpha_{C}}"]


def test_a_base_that_is_replaced_is_not_shown() -> None:
    assert not any("where base" in line for line in formula_lines(load_model("coupled")))
    assert any("where base" in line for line in formula_lines(load_model("chinchilla-lr")))


def test_every_model_can_be_shown() -> None:
    for model in list_models():
        text, latex = formula_lines(model), latex_lines(model)
        assert len(text) == len(latex)
        assert all(line.count("{") == line.count("}") for line in latex), latex


def test_a_model_of_ones_own_is_shown_with_roots_constants_and_what_is_published(
    own: Path,
) -> None:
    found = call("models", "show", own)
    assert found.code == 0, found.err
    assert found.out.startswith("mine")
    for text in (
        "LogNormal(mu=-2, sigma=1)",
        "where z = the root of z**3 + z - a between 0 and 1 + a",
        "where b = 0.5",
        "loss at the reference",
        "published: loss = A / scale",
        "  where scale = tokens**g",
        "someone-2020",
        "A 12.5 [11, 14], g 0.1",
        "table 7",
        "nowhere, eq. 1",
    ):
        assert text in found.out
    as_json = call("models", "show", own, "--json").json
    assert as_json["published"]["laws"]["someone-2020"]["constants"] == {"A": 12.5, "g": 0.1}


def test_a_query_is_shown_by_what_it_gives_and_without_noise() -> None:
    found = call("models", "show", "overfitting-bound")
    assert "arguments: tolerance = 0.02" in found.out
    assert "the prior expects: tokens (ETI)" in found.out
    for absent in ("sigma  ", "nu  ", "noise:", "new run"):
        assert absent not in found.out


def test_every_quantity_that_is_explained_has_its_own_expectation() -> None:
    found = call("models", "show", "kaplan-optimum", "--json").json
    model = load_model("kaplan-optimum")
    assert list(found["prior_predictive"]) == list(model.responses)
    batches = [row["new_run"] for row in found["prior_predictive"]["batch_size"]]
    assert batches == sorted(batches)
    assert "the prior expects: batch_size" in call("models", "show", "kaplan-optimum").out


def test_the_range_of_one_of_several_that_ascend_is_that_of_its_place() -> None:
    found = call("models", "show", "broken-2", "--json").json
    first, second = (found["parameters"][name]["range90"] for name in ("l_1", "l_2"))
    assert found["parameters"]["l_1"]["prior"] == found["parameters"]["l_2"]["prior"]
    assert first[0] < second[0]
    assert first[1] < second[1]


@pytest.mark.parametrize("runs", [None, "nano-lm"])
def test_a_picture_of_the_prior(tmp_path: Path, runs: str | None) -> None:
    path = tmp_path / "prior.png"
    more = ["--runs", runs] if runs else []
    found = call("models", "show", "kaplan-c", "--plot", path, *more, "--json")
    assert found.code == 0, found.err
    assert found.json["plot"] == str(path)
    assert path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "chinchila"], "did you mean 'chinchilla'"),
        (["show"], "models show NAME"),
        (["list", "chinchilla"], "models show NAME"),
        (["hide", "chinchilla"], "models show NAME"),
        (["list", "--plot", "a.png"], "models show NAME"),
        (["show", "chinchilla", "--plot", "a.txt"], "is no picture"),
        (["show", "chinchilla", "--plot", "nowhere/a.png"], "nowhere"),
        (["show", "chinchilla", "--runs", "nano-lm"], "--plot"),
    ],
)
def test_what_is_wrong_with_a_question_for_models(arguments: list[str], message: str) -> None:
    found = call("models", *arguments)
    assert found.code == 1
    assert message in found.err


def test_runs_that_lack_a_size_are_refused_before_anything_is_printed(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text("run,tokens,loss\na,1e9,3\nb,2e9,2.9\n")
    found = call("models", "show", "kaplan-n", "--plot", tmp_path / "p.png", "--runs", path)
    assert found.code == 1
    assert "'params'" in found.err
    assert found.out == ""
    with pytest.raises(InputError, match="params"):
        bs.prior_predictive("kaplan-n", runs=bs.read_runs(path))


def test_runs_are_held_against_a_published_law() -> None:
    found = call("published", "hoffmann-2022", "--against", "nano-lm")
    assert found.code == 0
    assert re.search(r"runs above the law +[-+]\d", found.out)
    rows = call("published", "hoffmann-2022", "--against", "nano-lm", "--json").json
    assert {"offset", "trend_per_decade"} <= set(rows)
    assert {"said", "deviation"} <= set(rows["rows"][0])
