"""The command line: ``bayes-scaling``. A command is imported when it is called.

Exit codes: 0 done; 1 the input or the usage is wrong; 2 the statistics cannot be trusted, with the
result printed all the same.
"""

from __future__ import annotations

import gc
import importlib
import re
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import shorten
from typing import Annotated, Any, TextIO

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from bayes_scaling import __version__
from bayes_scaling.commands.interrupts import STOPPED, interruptible
from bayes_scaling.commands.streams import print_json, printing_escaped, say, waiting
from bayes_scaling.errors import BayesScalingError, BayesScalingWarning


@dataclass(frozen=True)
class Function:
    """A command that is a function of its name, in a file of ``commands/``."""

    file: str


@dataclass(frozen=True, kw_only=True)
class Question:
    """A command that is a method of `bayes_scaling.facade.Fit`, made by `commands.asking.question`.

    Attributes
    ----------
    method : str
        Of `Fit`; that of the command's name by default.
    file : str
        Of ``questions/``, where the method is documented; that of the method's name by default.
    settings : mapping
        Further arguments of `commands.asking.question`.
    """

    example: str
    method: str = ""
    file: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)


COMMANDS: Mapping[str, Function | Question] = {
    "check": Function("sources"),
    "models": Function("definitions"),
    "datasets": Function("sources"),
    "fit": Function("fits"),
    "forecast": Question(
        example="fit.nc --params 70B --tokens 1.4T", settings={"shell": "forecast"}
    ),
    "allocate": Question(
        example="fit.nc --flops 1e23 --max-tokens 2T", settings={"shell": "allocate"}
    ),
    "risk": Question(
        example="fit.nc --flops 1e23 --target-loss 2.0 --price 2.5", settings={"shell": "risk"}
    ),
    "plan": Function("planning"),
    "stage-gate": Question(example="fit.nc --flops 1e23 --target-loss 2.0 --price 2.5 --value 5e6"),
    "advise": Question(
        example="fit.nc --flops 1e21 --data-bytes 300GB --target-loss 2.2",
        settings={"shell": "advise", "fills": ("tokens", "characters_per_token")},
    ),
    "sensitivity": Question(
        example="fit.nc --params 7e10 --tokens 1.4e12 --target-loss 2.0",
        settings={"shell": "sensitivity"},
    ),
    "shapes": Question(
        example="fit.nc --params 7B --tokens 140B --vocabulary 32000",
        method="rank_shapes",
        settings={"shell": "shapes", "fills": ("shapes",)},
    ),
    "tune": Question(example="fit.nc --params 1B --tokens 20B", settings={"shell": "pictured"}),
    "experts": Question(example="fit.nc --flops 1e21 --device-memory 80GB", method="expert_split"),
    "valley-map": Question(
        example="fit.nc --x learning_rate --y batch_size --plot map.svg",
        settings={"shell": "pictured"},
    ),
    "setting-rules": Question(
        example="fit.nc learning_rate --small params=1e8 --small tokens=2e9 "
        "--target params=1e10 --target tokens=2e11"
    ),
    "next-runs": Question(
        example="fit.nc --budget 1e20",
        settings={
            "shell": "next_runs",
            "fills": ("candidates", "target"),
            "spelled": {"flops": ("--budget", "--flops")},
        },
    ),
    "mistuned": Question(
        example="fit.nc --all",
        method="off_law",
        file="mistuned_runs",
        settings={"shell": "mistuned"},
    ),
    "monitor": Function("watching"),
    "score": Function("recording"),
    "verify": Function("recording"),
    "saturation": Question(example="fit.nc --params 7B --gain .01"),
    "reach": Question(
        example="fit.nc --loss 2.0 --params 7B", settings={"shell": "reach", "fills": ("runs",)}
    ),
    "emergence": Question(example="fit.nc --flops 1e22", settings={"shell": "pictured"}),
    "positions": Question(
        example="fit.nc --params 1e8 --position 4 --context 8 --against-position 4 "
        "--against-context 1024",
    ),
    "shift": Question(example="fit.nc --band .05"),
    "judge-split": Question(
        example="fit.nc --params 280B --tokens 300B", settings={"shell": "judge_split"}
    ),
    "transfer": Question(
        example="fit.nc --params 100M --finetune-tokens 1M", settings={"shell": "pictured"}
    ),
    "query": Question(example="fit.nc critical-batch --set loss_reached=2.5"),
    "published": Function("definitions"),
    "report": Function("reporting"),
    "compare": Function("trials"),
    "approaches": Function("trials"),
    "duel": Function("duelling"),
    "campaign": Function("campaigning"),
    "backtest": Function("trials"),
    "calibrate": Function("trials"),
    "convert": Function("planning"),
    "serve": Function("planning"),
    "train-sweep": Function("training"),
    "train-run": Function("training"),
}
"""The commands, in the order of ``--help``."""

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


class Commands(Mapping[str, Any]):
    """The commands by their names, each made when it is first asked for."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        """Make a command, or return it where it was made."""
        if name not in self._made:
            app = typer.Typer(rich_markup_mode=None, add_completion=False)
            app.command(name)(_make(name, COMMANDS[name]))
            self._made[name] = typer.main.get_command(app)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        """Go through the names in the order of the table."""
        return iter(COMMANDS)

    def __len__(self) -> int:
        """Count the commands."""
        return len(COMMANDS)


def _make(name: str, command: Function | Question) -> Any:
    """Return what a command runs, with its options."""
    own = name.replace("-", "_")
    if isinstance(command, Question):
        from bayes_scaling.commands.asking import question

        method = command.method or own
        return question(name, method=method, example=command.example, **command.settings)
    from bayes_scaling.commands.options import flat

    return flat(getattr(importlib.import_module(f"bayes_scaling.commands.{command.file}"), own))


def summary(name: str) -> str:
    """Return the first sentence of the documentation of a command, which is read, not imported."""
    command, own = COMMANDS[name], name.replace("-", "_")
    folder = Path(__file__).parent
    if isinstance(command, Question):
        own = command.method or own
        path = folder / "questions" / f"{command.file or own}.py"
    else:
        path = folder / "commands" / f"{command.file}.py"
    found = re.search(rf'^def {own}\(.*?"""(.*?\.)$', path.read_text("utf-8"), re.M | re.S)
    return " ".join(found[1].split()) if found else ""


class Group(TyperGroup):
    """The commands, listed without making them."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings | {"commands": {}})
        self.commands = Commands()  # type: ignore[assignment]

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names in their order."""
        return list(COMMANDS)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the names with what each does."""
        room = formatter.width - 6 - max(map(len, COMMANDS))
        rows = [(name, shorten(summary(name), room, placeholder="...")) for name in COMMANDS]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


app = typer.Typer(cls=Group, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.callback(invoke_without_command=True)
def first_steps(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Forecast the loss of a costly training run from small ones, with credible intervals."""
    if version:
        print(f"bayes-scaling {__version__}")
        raise typer.Exit()
    if context.invoked_subcommand is None:
        print(FIRST_STEPS, end="")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    with printing_escaped(), warnings.catch_warnings():
        warnings.simplefilter("always", BayesScalingWarning)
        warnings.showwarning = _note
        code = _run(given)
        gc.freeze()  # or the interpreter sorts through all that was imported before it ends
        sys.exit(code)


def _run(given: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    try:
        with interruptible(), waiting():
            code = app(given, standalone_mode=False)
    except TyperException as error:
        code = _refuse(error.format_message(), given)
    except BayesScalingError as error:
        code = _refuse(error, given)
    except KeyboardInterrupt:
        code = STOPPED
    if code == STOPPED:
        say("stopped")
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
