"""The command line as a whole: exit codes, streams, and what a saved fit needs to be asked."""

from __future__ import annotations

import inspect
import io
import json
import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer.main

import bayes_scaling
from bayes_scaling.cli import app
from bayes_scaling.commands.streams import PATIENCE, TICK, waiting
from bayes_scaling.errors import BayesScalingError
from tests.command_line import call
from tests.synthetic import UNCONVERGED, synthetic_fit

COMMANDS = (
    "check", "models", "datasets", "fit", "forecast", "allocate", "saturation", "reach",
    "judge-split", "risk", "plan", "stage-gate", "advise", "sensitivity", "shapes", "tune",
    "emergence", "positions", "shift",
    "setting-rules", "experts", "valley-map", "transfer",
    "next-runs", "mistuned", "monitor", "score", "verify",
    "query", "published", "report", "approaches",
    "compare", "backtest", "calibrate", "convert", "serve", "duel", "campaign",
    "train-sweep", "train-run",
)  # fmt: skip
HEAVY = ("pymc", "pytensor", "arviz", "xarray", "pandas", "nutpie", "matplotlib", "jax")
ASK = ("--params", "7e10", "--tokens", "1.4e12")


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthetic_fit().save(tmp_path_factory.mktemp("cli") / "fit.nc")


def python(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *(str(argument) for argument in arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


# ---- usage ---------------------------------------------------------------------------------------


def test_version() -> None:
    assert call("--version").out == f"bayes-scaling {bayes_scaling.__version__}\n"


def test_help_lists_every_command() -> None:
    found = call("--help")
    assert found.code == 0
    listed = {line.split()[0] for line in found.out.split("Commands:")[1].splitlines() if line}
    assert listed == set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_and_takes_json(command: str) -> None:
    found = call(command, "--help")
    assert found.code == 0
    assert found.err == ""
    assert "--json" in found.out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_an_example_that_it_takes(command: str) -> None:
    known = typer.main.get_command(app)
    callback = known.commands[command].callback  # type: ignore[attr-defined]
    text = inspect.getdoc(callback) or ""
    (example,) = [line for line in text.splitlines() if line.startswith("Example: ")]
    program, name, *arguments = shlex.split(example.removeprefix("Example: "))
    assert (program, name) == ("bayes-scaling", command)
    known.commands[command].make_context(command, arguments)  # type: ignore[attr-defined]
    assert example in " ".join(call(command, "--help").out.split())


def test_without_arguments_it_says_what_to_do_first() -> None:
    found = call()
    assert (found.code, found.err) == (0, "")
    told = [line.split() for line in found.out.splitlines() if line.startswith("  bayes-scaling")]
    assert [words[1] for words in told[:2]] == ["check", "fit"]
    assert {words[1] for words in told} <= set(COMMANDS)


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("fore", "forecast"),
        ("check nano", "nano-lm"),
        ("fit runs.csv -m coupled-dr", "coupled-drift"),
    ],
)
def test_a_shell_completes_commands_data_sets_and_models(
    typed: str, completed: str, checkout: Path
) -> None:
    words = f"bayes-scaling {typed}"
    code = "import sys; sys.argv = ['bayes-scaling']; from bayes_scaling.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=checkout,
        env={**os.environ, "_BAYES_SCALING_COMPLETE": "complete_bash", "COMP_WORDS": words,
             "COMP_CWORD": str(len(words.split()) - 1)},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert completed in done.stdout.split()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["forecst"], "forecst"),
        (["--colour"], "--colour"),
        (["forecast"], "fit"),
        (["forecast", "fit.nc", "--params"], "--params"),
        (["fit", "runs.csv", "--chains", "two"], "--chains"),
        (["check", "runs.csv", "--commas", "excel"], "--commas"),
        (["check", "a.csv", "b.csv"], "b.csv"),
    ],
)
def test_wrong_usage_is_1_and_on_standard_error(arguments: list[str], message: str) -> None:
    found = call(*arguments)
    assert found.code == 1
    assert found.out == ""
    assert message in found.err


def test_wrong_usage_and_wrong_input_are_json_where_json_is_asked_for() -> None:
    for arguments in (["forecast", "--json"], ["forecast", "none.nc", *ASK, "--json"]):
        found = call(*arguments)
        assert found.code == 1
        assert len(found.json["error"]) == 1
        assert found.err.startswith("error: ")


def test_any_error_of_ours_is_1(monkeypatch: pytest.MonkeyPatch, saved: Path) -> None:
    def fail(path: Path) -> None:
        raise BayesScalingError("something is off")

    monkeypatch.setattr("bayes_scaling.posterior.load", fail)
    found = call("forecast", saved, *ASK)
    assert (found.code, found.out, found.err) == (1, "", "error: something is off\n")


# ---- at work -------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_silent_command_says_that_it_is_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setattr("sys.stdout", terminal)
    with waiting():
        print("begun")
        time.sleep(PATIENCE + 3 * TICK)
        print("done")
    lines = terminal.getvalue().split("\r\033[K")
    assert lines[0] == "begun\n"
    assert all(re.fullmatch(r"at work for [2-9] s", line) for line in lines[1:-1])
    assert len(lines) >= 3
    assert lines[-1] == "done\n"
    assert sys.stderr is terminal


def test_nothing_is_said_where_nobody_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    quiet = io.StringIO()
    monkeypatch.setattr("sys.stderr", quiet)
    with waiting():
        assert sys.stderr is quiet


def test_a_reader_that_has_seen_enough_is_no_error(checkout: Path) -> None:
    code = "from bayes_scaling.cli import main; main(['models', '--json'])"
    running = subprocess.Popen(
        [sys.executable, "-c", code], cwd=checkout, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert running.stdout is not None
    assert running.stderr is not None
    running.stdout.close()
    said = running.stderr.read()
    running.stderr.close()
    running.wait()
    assert said == b""


# ---- a saved fit is light to ask -----------------------------------------------------------------


@pytest.mark.parametrize(
    "question", [("forecast", *ASK), ("allocate", "--flops", "1e23"), ("reach", "--loss", "2.2")]
)
def test_a_saved_fit_is_asked_without_heavy_packages(
    saved: Path, checkout: Path, question: tuple[str, ...]
) -> None:
    command, *options = question
    code = (
        "import sys\n"
        "from bayes_scaling.cli import main\n"
        "try:\n"
        f"    main([{command!r}, {str(saved)!r}, *{options!r}])\n"
        "finally:\n"
        f"    print(*({set(HEAVY)!r} & set(sys.modules)), file=sys.stderr)\n"
    )
    done = python("-c", code, cwd=checkout)
    assert done.returncode == 0, done.stderr
    assert done.stderr.strip() == ""
    assert "90 % ETI" in done.stdout


def test_as_a_program(checkout: Path, tmp_path: Path) -> None:
    path = synthetic_fit(checks=UNCONVERGED).save(tmp_path / "fit.nc")
    done = python("-m", "bayes_scaling.cli", "forecast", path, *ASK, "--json", cwd=checkout)
    assert done.returncode == 2
    assert json.loads(done.stdout)["model"] == "chinchilla"
    assert done.stderr.startswith("warning: do not rely on this: R-hat: fail")
    assert "\r" not in done.stderr


@pytest.mark.slow
def test_a_forecast_takes_seconds_at_most(saved: Path, checkout: Path) -> None:
    started = time.perf_counter()
    python("-m", "bayes_scaling.cli", "forecast", saved, *ASK, cwd=checkout)
    assert time.perf_counter() - started < 5


def test_what_is_doubtful_in_a_table_is_a_note_on_standard_error(tmp_path: Path) -> None:
    runs = tmp_path / "runs.csv"
    runs.write_text("params,tokens,flops,loss\n1e6,1e8,6e14,3.0\n2e6,1e8,9e15,2.9\n")
    found = call("fit", runs, "-m", "no-such-model", "-o", tmp_path / "fit.nc")
    assert found.code == 1
    assert f"note: {runs}: line 3: flops disagree" in found.err
    found = call("check", runs)
    assert (found.code, found.err) == (0, "")
    assert "warning: " in found.out


def test_an_error_does_not_speak_to_the_terminal() -> None:
    found = call("check", "\x1b[2J.csv")
    assert found.code == 1
    assert "\x1b" not in found.err
