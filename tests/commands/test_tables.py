"""Commands on what there is: tables of runs, models, data sets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bayes_scaling.errors import InputError
from tests.command_line import call

GOOD = """run,N,D,loss,corpus
r1,1e7,2e8,3.4,c4
r2,2e7,4e8,3.1,c4
r3,4e7,2e8,3.2,books
r4,8e7,9e8,2.8,books
"""

BAD = """run,params,tokens,loss
r1,1e7,2e8,3.4
r2,-2e7,4e8,3.1
r3,4e7,many,3.2
r4,8e7,-9e8,2.8
"""


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.csv"
    path.write_text(GOOD)
    return path


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    path = tmp_path / "bad.csv"
    path.write_text(BAD)
    return path


# ---- check ---------------------------------------------------------------------------------------


def test_check_says_what_is_in_a_table(good: Path) -> None:
    found = call("check", good)
    assert found.code == 0
    assert found.err == ""
    lines = {line.split()[0]: line.split() for line in found.out.splitlines() if line}
    assert found.out.startswith("4 rows of 4 runs")
    assert lines["params"][1:4] == ["1e+07", "8e+07", "4"]
    assert lines["tokens"][1:4] == ["2e+08", "9e+08", "3"]
    assert lines["flops"][1] == "1.2e+16"
    assert "model warning" not in found.out


def test_check_against_a_model(good: Path) -> None:
    found = call("check", good, "-m", "kaplan-nd")
    assert found.code == 0
    assert "model warning: kaplan-nd means params_nonembedding" in found.out
    as_json = call("check", good, "--json", "-m", "kaplan-nd").json
    assert as_json["rows"] == 4
    assert as_json["ranges"]["tokens"]["distinct"] == 3
    assert any("params_nonembedding" in text for text in as_json["model_warnings"])
    missing = call("check", good, "-m", "chinchilla-lr")
    assert missing.code == 1
    assert "no column 'learning_rate'" in missing.err


@pytest.mark.parametrize("command", ["check", "fit"])
def test_every_problem_of_a_file_is_listed_with_its_line(
    bad: Path, command: str, tmp_path: Path
) -> None:
    options = ["-o", tmp_path / "fit.nc"] if command == "fit" else []
    found = call(command, bad, *options)
    assert found.code == 1
    assert found.out == ""
    assert str(bad) in found.err
    assert "3 problems" in found.err
    for line in ("line 3", "line 4", "line 5"):
        assert line in found.err
    assert not (tmp_path / "fit.nc").exists()
    as_json = call(command, bad, *options, "--json")
    assert as_json.code == 1
    assert len(as_json.json["error"]) == 3


def test_check_of_some_rows(good: Path) -> None:
    assert call("check", good, "--where", "corpus == 'c4'").out.startswith("2 rows")
    none = call("check", good, "--where", "corpus == 'code'")
    assert none.code == 1
    assert "none of 4 runs" in none.err


def test_check_of_a_data_set_by_name() -> None:
    found = call("check", "nano-lm", "--json")
    assert found.code == 0
    assert found.json["rows"] >= 300


def test_a_file_goes_before_a_data_set_of_that_name(
    good: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(good.parent)
    good.rename(good.parent / "nano-lm")
    found = call("check", "nano-lm")
    assert found.code == 1
    assert "suffix" in found.err


def test_neither_a_file_nor_a_data_set() -> None:
    found = call("check", "nowhere.csv", "--json")
    assert found.code == 1
    (problem,) = found.json["error"]
    assert "no file 'nowhere.csv'" in problem
    assert "nano-lm" in problem


# ---- data sets -----------------------------------------------------------------------------------


def test_datasets_are_listed() -> None:
    found = call("datasets")
    assert found.code == 0
    assert "nano-lm" in found.out
    as_json = call("datasets", "--json").json
    assert {"nano-lm", "nano-lm-curves", "chinchilla"} <= {item["name"] for item in as_json}
    assert json.dumps(as_json)


# ---- strangers' files in a shell -----------------------------------------------------------------

GERMAN = "Parameter;Token;Verlust\n20000000;1000000000;3,8964\n50000000;3000000000;3,2387\n"
LOSSES = (
    "num_params,final_train_loss,final_val_loss,best_val_loss\n1e6,3.1,3.2,3.18\n3e6,2.8,2.9,2.9\n"
)


def _file(tmp_path: Path, text: str, name: str = "runs.csv") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def test_columns_are_renamed_in_a_shell(tmp_path: Path) -> None:
    path = _file(tmp_path, GERMAN)
    found = call("check", path)
    assert found.code == 1
    assert "say which it is: --columns 'Verlust=loss'" in found.err
    found = call("check", path, "--columns", "Verlust=loss", "--json")
    assert found.code == 0
    assert found.json["ranges"]["loss"]["high"] == 3.8964
    assert found.json["origins"] == {
        "params": "'Parameter'",
        "tokens": "'Token'",
        "loss": "'Verlust'",
    }


def test_the_example_is_never_the_training_loss(tmp_path: Path) -> None:
    path = _file(tmp_path, LOSSES)
    found = call("check", path)
    assert found.code == 1
    assert "--columns 'final_val_loss=loss'" in found.err
    found = call("check", path, "--columns", "best_val_loss=loss,tokens=20*num_params")
    assert found.code == 0
    assert "no law reads: 'final_train_loss', 'final_val_loss'" in found.out
    assert "note: tokens = 20*num_params" in found.out


def test_what_became_of_every_column_is_said(tmp_path: Path) -> None:
    text = "name,Compute (PF-days),N (M),val_loss,core,epochs\na,1,20,3.9,1,1\nb,2,50,3.2,2,1\n"
    found = call("check", _file(tmp_path, text))
    lines = {line.split()[0]: line for line in found.out.splitlines()}
    assert lines["flops"].endswith("'Compute (PF-days)' x 8.64e+19")
    assert lines["params"].endswith("'N (M)' x 1e+06")
    assert lines["tokens"].endswith("completed")
    assert "read: run from 'name'" in found.out
    assert "no law reads: 'core', 'epochs'" in found.out
    assert "warning: no law reads the column 'epochs', which sounds like a size" in found.out


def test_rows_are_chosen_before_they_are_checked(tmp_path: Path) -> None:
    text = "params,tokens,loss,State\n2e7,1B,3.9,finished\n5e7,3B,nan,crashed\n9e7,5B,,finished\n"
    path = _file(tmp_path, text)
    assert call("check", path).code == 1
    kept = call("check", path, "--where", "State == 'finished'", "--drop-empty")
    assert kept.out.startswith("1 rows of 1 runs")
    assert call("check", path, "--drop-empty", "--where", "tokens < 2B").code == 0


def test_hours_of_an_accelerator_in_a_condition(tmp_path: Path) -> None:
    path = _file(tmp_path, "params,flops,loss\n2e7,1e18,3.9\n5e7,1e21,3.3\n")
    found = call("check", path, "--where", "flops <= 100 h100-hours")
    assert found.out.startswith("1 rows")


def test_formats_commas_and_exports(tmp_path: Path) -> None:
    path = _file(tmp_path, "params;tokens;loss\n2e7;1e9;3,896\n", "runs.dump")
    assert "--format csv" in call("check", path).err
    assert "--commas decimal" in call("check", path, "--format", "csv").err
    found = call("check", path, "--format", "csv", "--commas", "decimal", "--json")
    assert found.json["ranges"]["loss"]["high"] == 3.896
    assert "there are wandb, mlflow" in call("check", path, "--format", "csv", "--columns", "x").err


def test_sizes_are_judged_without_a_loss(tmp_path: Path) -> None:
    path = _file(tmp_path, "run,params,tokens\nAlpha,48e9,35e12\nBeta,30e9,15e12\n")
    found = call("judge-split", "hoffmann-2022", "--runs", path, "--json")
    assert found.code == 0
    assert "Alpha" in found.out


def test_values_of_options_may_carry_a_magnitude() -> None:
    from bayes_scaling.commands.options import read_settings

    assert read_settings(["unique_tokens=100M", "experts=8"]) == {
        "unique_tokens": 1e8,
        "experts": 8.0,
    }
    with pytest.raises(InputError, match="--set takes name=number"):
        read_settings(["unique_tokens=1,5"])


@pytest.mark.parametrize("second", ["loss_reached=3", "loss_reached=2.5"])
def test_a_setting_that_is_given_twice_is_refused_and_not_dropped(second: str) -> None:
    found = call(
        "query", "kaplan-2020-ns", "critical-batch", "--set", "loss_reached=2.5", "--set", second
    )
    assert found.code == 1
    assert (
        f"--set loss_reached=2.5 and --set {second} are two values of 'loss_reached'" in found.err
    )
    more = ("--set", "steps=1e5", "--set", "S=1e6")
    assert call("forecast", "kaplan-2020-ns", "--params", 1e9, *more[:2]).code == 0
    assert call("forecast", "kaplan-2020-ns", "--params", 1e9, *more).code == 1


def test_check_against_the_default_average(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text("params,tokens,loss\n1e7,2e8,4.0\n2e7,4e8,3.7\n4e7,8e8,3.5\n")
    found = call("check", path, "-m", "auto")
    assert found.code == 0
    assert "the priors speak louder than the data" in found.out + found.err


def test_check_says_that_one_ratio_tells_no_split(tmp_path: Path) -> None:
    path = tmp_path / "ratio.csv"
    sizes = [10 ** (7 + k / 4) for k in range(9)]
    rows = [f"{n:.6g},{20 * n:.6g},{4 - 0.1 * k}" for k, n in enumerate(sizes)]
    path.write_text("\n".join(["params,tokens,loss", *rows]))
    for options in ((), ("-m", "auto")):
        found = call("check", path, *options)
        assert found.code == 0
        assert found.out.count("cannot be told apart") == 1
        assert "design: log params and log tokens move together" in found.out
        assert "add runs of one of the sizes on fewer and on more tokens" in found.out
    assert len(call("check", path, "--json").json["design"]) == 1
    assert "model warning: 9 runs in the smallest group" in found.out


def test_a_plain_table_of_perplexities_is_not_called_wide(tmp_path: Path) -> None:
    path = tmp_path / "ppl.csv"
    path.write_text("model,params,tokens,val_perplexity\na,4e6,2e9,13.9\nb,9e6,2e9,12.1\n")
    found = call("check", path)
    assert "--columns 'loss=log(val_perplexity)'" in found.err
    assert "wide" not in found.err


def test_the_log_of_a_perplexity_is_in_nats(tmp_path: Path) -> None:
    path = tmp_path / "ppl.csv"
    rows = ["a,4e6,2e9,13.9,perplexity", "b,9e6,2e9,12.1,perplexity", "c,4e6,9e9,11,perplexity"]
    path.write_text("\n".join(["run,params,tokens,loss,metric", *rows]))
    found = call("check", path, "--columns", "loss=log(loss)")
    assert "nats/token" in found.out
    assert "metric 'perplexity' is 'nats/token', as loss = log(loss)" in found.out
    (line,) = (line for line in found.out.splitlines() if line.startswith("loss "))
    assert "perplexity" not in line
