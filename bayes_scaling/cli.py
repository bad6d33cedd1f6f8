"""The command line: ``bayes-scaling``. Heavy modules are imported inside the commands.

Exit codes: 0 done; 1 the input or the usage is wrong; 2 the statistics cannot be trusted, with the
result printed all the same.
"""

from __future__ import annotations

import gc
import sys
import warnings
from collections.abc import Sequence
from typing import TextIO

import typer
from typer.exceptions import TyperException

from bayes_scaling.commands import (
    fits,
    forecasts,
    queries,
    run_plans,
    tables,
    training,
    validation,
)
from bayes_scaling.commands.approaches import approaches
from bayes_scaling.commands.calibrate import calibrate
from bayes_scaling.commands.compare import compare
from bayes_scaling.commands.console import print_json, say
from bayes_scaling.commands.convert import convert
from bayes_scaling.commands.mistuned import mistuned
from bayes_scaling.commands.monitor import monitor
from bayes_scaling.commands.next_runs import next_runs
from bayes_scaling.commands.report import report
from bayes_scaling.commands.risk import risk
from bayes_scaling.commands.score import score
from bayes_scaling.commands.sensitivity import sensitivity
from bayes_scaling.commands.tune import tune
from bayes_scaling.commands.waiting import waiting
from bayes_scaling.errors import BayesScalingError, BayesScalingWarning

app = typer.Typer(
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

FIRST_STEPS = """\
bayes-scaling: from a table of small training runs to what a costly one will reach.

With a CSV of yours (one row per run: loss, and two of params, tokens, flops), or with the shipped
sweep, nano-lm, in its place:

  bayes-scaling check runs.csv                         what is understood of it, or wrong with it
  bayes-scaling fit runs.csv --best -o fit.nc          sample the posterior; seconds
  bayes-scaling forecast fit.nc --params 7B --tokens 140B
  bayes-scaling allocate fit.nc --flops 1e22           params and tokens for a budget
  bayes-scaling risk fit.nc --flops 1e22 --target-loss 2.2
  bayes-scaling report runs.csv --best --flops 1e22 -o report.html

All commands: bayes-scaling --help. Each has a --help of its own, with an example.
Completion in your shell: bayes-scaling --install-completion.
"""


@app.callback(invoke_without_command=True)
def first_steps(context: typer.Context) -> None:
    """Forecast the loss of a costly training run from small ones, with credible intervals."""
    if context.invoked_subcommand is None:
        print(FIRST_STEPS, end="")


app.command()(tables.check)
app.command()(tables.models)
app.command()(tables.datasets)
app.command()(fits.fit)
app.command()(forecasts.forecast)
app.command()(forecasts.allocate)
app.command()(risk)
app.command()(run_plans.plan)
app.command("stage-gate")(run_plans.stage_gate)
app.command()(run_plans.advise)
app.command()(sensitivity)
app.command()(tune)
app.command("next-runs")(next_runs)
app.command()(mistuned)
app.command()(monitor)
app.command()(score)
app.command()(queries.saturation)
app.command()(queries.reach)
app.command("judge-split")(queries.judge_split)
app.command()(queries.query)
app.command()(queries.published)
app.command()(report)
app.command()(compare)
app.command()(approaches)
app.command()(validation.backtest)
app.command()(calibrate)
app.command()(convert)
app.command("train-sweep")(training.train_sweep)
app.command("train-run")(training.train_run)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    with warnings.catch_warnings():
        warnings.simplefilter("always", BayesScalingWarning)
        warnings.showwarning = _note
        code = _run(given)
        gc.freeze()  # or the interpreter sorts through all that was imported before it ends
        sys.exit(code)


def _run(given: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    try:
        with waiting():
            code = app(given, standalone_mode=False)
    except TyperException as error:
        code = _refuse(error.format_message(), given)
    except BayesScalingError as error:
        code = _refuse(error, given)
    except KeyboardInterrupt:
        say("stopped")
        code = 130
    return code if isinstance(code, int) else 0


def _note(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Print a warning as a line for people; the signature is that of `warnings.showwarning`."""
    ours = issubclass(category, BayesScalingWarning)
    say(f"{'note' if ours else category.__name__}: {message}")


def _refuse(error: object, given: Sequence[str]) -> int:
    if "--json" in given:
        print_json({"error": list(getattr(error, "problems", ())) or [str(error)]})
    say(f"error: {error}")
    return 1


if __name__ == "__main__":
    main()
