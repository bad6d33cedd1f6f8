"""What a campaign is: its TOML, read with every problem at once."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np

from bayes_scaling.campaign.launchers import LAUNCHERS
from bayes_scaling.errors import InputError
from bayes_scaling.files import read_toml
from bayes_scaling.posterior.sampler import Settings
from bayes_scaling.questions.rig import Budget, Rig
from bayes_scaling.runs import RunTable, read_runs
from bayes_scaling.runs.columns import unknown_keys

NAME = "campaign.toml"
"""Name of the definition in the folder of a campaign."""


@dataclass(frozen=True, kw_only=True)
class Space:
    """The runs that may be made: a table of them, or params with tokens.

    Attributes
    ----------
    candidates : str, optional
        A table, one row a run; every column goes into its configuration.
    params : sequence of float
        Numbers of parameters.
    tokens : sequence of float
        Training tokens, each with every one of `params`.
    tokens_per_param : sequence of float
        In place of `tokens`.
    """

    candidates: str | None = None
    params: tuple[float, ...] = ()
    tokens: tuple[float, ...] = ()
    tokens_per_param: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Spending:
    """What exploring may take.

    Attributes
    ----------
    flops, hours, money : float, optional
        Of all runs together, in one of these units; a run counts from when it is planned, also
        where it fails.
    slots : int
        Runs at a time.
    batch : float, optional
        Compute of the runs of one step; a quarter of the whole by default [FLOP].
    first : int
        Runs before the first fit, where there are none to start from.
    first_share : float
        Share of the budget that these may take.
    """

    flops: float | None = None
    hours: float | None = None
    money: float | None = None
    slots: int = 1
    batch: float | None = None
    first: int = 8
    first_share: float = 0.2


@dataclass(frozen=True, kw_only=True)
class Target:
    """The big run.

    Attributes
    ----------
    flops : float, optional
        Its compute, split so that the expected loss is least [FLOP].
    params, tokens : float, optional
        In place of `flops`.
    family : str, optional
        Its group of runs, where there are several.
    """

    flops: float | None = None
    params: float | None = None
    tokens: float | None = None
    family: str | None = None


@dataclass(frozen=True, kw_only=True)
class Stop:
    """When to stop before the budget is spent; whatever holds first.

    Attributes
    ----------
    width : float, optional
        Width of the 90 % interval of the loss of the target, on the log scale.
    gain : float, optional
        Share of that width that the runs which are left to pay for would still remove.
    target_loss : float, optional
        The decision: whether the target reaches this loss.
    sure : float
        Probability with which it must be settled, either way.
    value : float, optional
        What reaching `target_loss` is worth, in the currency of the price: stop where knowing the
        law perfectly is worth less than the next run costs.
    """

    width: float | None = None
    gain: float | None = None
    target_loss: float | None = None
    sure: float = 0.95
    value: float | None = None


@dataclass(frozen=True, kw_only=True)
class Making:
    """How a run is made and what comes back.

    Attributes
    ----------
    command : sequence of str
        Program and arguments; ``{{run}}``, ``{{config}}``, ``{{folder}}`` and ``{{NAME}}`` of every
        setting of the run stand for their values. No shell reads it.
    template : str, optional
        A file in which the same is replaced, for the configuration of a run: quoted for a shell in
        a ``.sh``, as JSON otherwise (which is YAML too). A JSON object by default.
    launcher : {"local", "slurm", "print"}
        How runs are started.
    results : str
        Where losses come from: a file for each run, by ``{{run}}`` (a JSON object with the loss, or
        whatever `read_runs` reads, the last row of which counts), or one table of all of them with
        a column ``run``.
    time_limit : float
        Hours after which a run that has not come back is given up.
    exclude : sequence of str
        Runs that are not to be fitted.
    """

    command: tuple[str, ...]
    template: str | None = None
    launcher: Literal["local", "slurm", "print"] = "local"
    results: str = "runs/{{run}}/result.json"
    time_limit: float = 24.0
    exclude: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Fitting:
    """What is fitted, and how.

    Attributes
    ----------
    models : sequence of str
        Laws that are averaged; those that suit the table by default.
    draws, tune, chains : int
        As in `bayes_scaling.fit`.
    """

    models: tuple[str, ...] = ()
    draws: int = 1000
    tune: int = 800
    chains: int = 4


@dataclass(frozen=True, kw_only=True)
class Campaign:
    """A campaign that was read.

    Attributes
    ----------
    folder : Path
        Where it is kept; what it names is relative to this.
    title : str
        What it is called.
    seed : int
        Seed of everything random.
    start : str, optional
        A table of runs that are there already.
    space, budget, target, stop, run, fit, rig
        Its parts.
    slurm : mapping
        Parameters of submitit.
    """

    folder: Path
    title: str = "campaign"
    seed: int = 0
    start: str | None = None
    space: Space
    budget: Spending
    target: Target
    stop: Stop = field(default_factory=Stop)
    run: Making
    fit: Fitting = field(default_factory=Fitting)
    rig: Rig = field(default_factory=Rig)
    slurm: Mapping[str, Any] = field(default_factory=dict)

    @property
    def flops(self) -> float:
        """Compute of exploring [FLOP]."""
        given = (self.budget.flops, self.budget.hours, self.budget.money)
        flops, hours, money = (() if each is None else (each,) for each in given)
        return (Budget(flops=flops, hours=hours, money=money).on(self.rig) or [0.0])[0]

    @property
    def terms(self) -> dict[str, Any]:
        """What a stop is about; one of other terms does not hold any more."""
        return {"flops": self.flops, "target": asdict(self.target), "stop": asdict(self.stop)}

    @property
    def settings(self) -> Settings:
        """How to sample."""
        return Settings.chosen(
            draws=self.fit.draws,
            tune=self.fit.tune,
            chains=self.fit.chains,
            target_accept=Settings.target_accept,
            random_seed=self.seed,
        )

    def candidates(self) -> RunTable:
        """Return the runs that may be made, one a row, with their compute."""
        if self.space.candidates is not None:
            return read_runs(self.folder / self.space.candidates, needs_loss=False)
        params = np.array(self.space.params)
        others = np.array(self.space.tokens or self.space.tokens_per_param)
        n, d = (axis.ravel() for axis in np.meshgrid(params, others, indexing="ij"))
        tokens = d if self.space.tokens else n * d
        return RunTable(columns={"params": n, "tokens": tokens, "flops": 6 * n * tokens})

    def started_from(self) -> RunTable | None:
        """Return the runs that were there before; None without any."""
        return None if self.start is None else read_runs(self.folder / self.start)


TABLES: Mapping[str, Any] = {
    "space": Space,
    "budget": Spending,
    "target": Target,
    "stop": Stop,
    "run": Making,
    "fit": Fitting,
    "rig": Rig,
}


def read_campaign(folder: str | Path) -> Campaign:
    """Read the definition of a campaign.

    Parameters
    ----------
    folder : path
        Where its `campaign.toml` is.

    Raises
    ------
    InputError
        There is none, it is no TOML, or something in it cannot be used; every problem at once.
    """
    folder = Path(folder)
    path = folder / NAME
    if not path.is_file():
        raise InputError(f"no {path}: 'bayes-scaling campaign init {folder}' writes one to fill")
    text = read_toml(path)
    problems = unknown_keys("the campaign", text, ("title", "seed", "start", "slurm", *TABLES))
    parts = {}
    for name, kind in TABLES.items():
        given = text.get(name, {})
        wrong = unknown_keys(f"[{name}]", given, [each.name for each in fields(kind)])
        wrong = wrong or _wrong_kinds(name, given)
        problems += wrong
        if not wrong and (name in text or name in ("space", "budget", "target", "run")):
            tidy = {key: tuple(v) if isinstance(v, list) else v for key, v in given.items()}
            try:
                parts[name] = kind(**tidy)
            except TypeError:
                problems.append("[run] needs a command")
            except InputError as error:
                problems += [f"[{name}] {each}" for each in error.problems]
    for name in ("title", "start"):
        if not isinstance(text.get(name, ""), str):
            problems.append(f"{name} is a text, got {text[name]!r}")
    if not isinstance(text.get("seed", 0), int) or text.get("seed", 0) < 0:
        problems.append(f"seed is a whole number of at least 0, got {text['seed']!r}")
    if problems:
        raise InputError(problems, source=str(path))
    plain = {name: text[name] for name in ("title", "seed", "start", "slurm") if name in text}
    found = Campaign(folder=folder, **plain, **parts)
    _check(found)
    return found


TEXTS = ("candidates", "family", "template", "launcher", "results", "accelerator")
LISTS = {"params": float, "tokens": float, "tokens_per_param": float, "command": str,
         "exclude": str, "models": str}  # fmt: skip
WHOLE = ("slots", "first", "draws", "tune", "chains")


def _wrong_kinds(where: str, given: Mapping[str, Any]) -> list[str]:
    """Say which values are not of the kind that is meant."""
    found = []
    for name, value in given.items():
        numbers = isinstance(value, list) and all(map(_number, value))
        texts = isinstance(value, list) and all(isinstance(each, str) for each in value)
        if name in TEXTS:
            fits, wanted = isinstance(value, str), "a text"
        elif name in LISTS and where != "target":
            fits = bool(value) and (numbers if LISTS[name] is float else texts)
            wanted = "a list of numbers" if LISTS[name] is float else "a list of texts"
            fits = fits or (name == "exclude" and value == [])
        elif name in WHOLE:
            fits, wanted = isinstance(value, int) and value > 0, "a whole number above 0"
        else:
            fits, wanted = _number(value) and value > 0, "a number above 0"
        if not fits:
            found.append(f"[{where}] {name} is {wanted}, got {value!r}")
    return found


def _number(value: object) -> bool:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return abs(value) <= sys.float_info.max  # an int may be beyond any float


def _check(campaign: Campaign) -> None:
    """Raise `InputError` where parts do not go together."""
    space, budget, stop = campaign.space, campaign.budget, campaign.stop
    problems = []
    if (space.candidates is None) == (not space.params):
        problems.append("[space] says either candidates, a table of runs, or params")
    if space.params and bool(space.tokens) == bool(space.tokens_per_param):
        problems.append("[space] says, with params, either tokens or tokens_per_param")
    if sum(each is not None for each in (budget.flops, budget.hours, budget.money)) != 1:
        problems.append("[budget] says one of flops, hours or money")
    elif budget.money is not None and campaign.rig.price is None:
        problems.append("[budget] money buys hours at a price: give price in [rig]")
    target = campaign.target
    whole = (target.params is not None, target.tokens is not None)
    if (target.flops is None) != all(whole) or any(whole) != all(whole):
        problems.append("[target] says either flops, or params and tokens")
    if stop.value is not None and (stop.target_loss is None or campaign.rig.price is None):
        problems.append("[stop] value needs target_loss, and price in [rig]")
    if not 0.5 < stop.sure < 1:
        problems.append(f"[stop] sure is a probability between .5 and 1, got {stop.sure!r}")
    if campaign.run.launcher not in LAUNCHERS:
        known = ", ".join(LAUNCHERS)
        problems.append(f"[run] launcher is one of {known}, got {campaign.run.launcher!r}")
    named = {"start": campaign.start, "[space] candidates": space.candidates,
             "[run] template": campaign.run.template}  # fmt: skip
    problems += [
        f"{name}: no file {str(campaign.folder / path)!r}"
        for name, path in named.items()
        if path is not None and not (campaign.folder / path).exists()
    ]
    if problems:
        raise InputError(problems, source=str(campaign.folder / NAME))


TEMPLATE = """# A campaign: small runs, chosen batch by batch, until a forecast is narrow enough.
# 'bayes-scaling campaign step FOLDER' makes the next step, 'campaign status' tells of it.
title = "our campaign"
seed = 1
# start = "runs.csv"             # runs that are there already

[space]                          # the runs that may be made
params = [1e6, 2e6, 4e6, 8e6, 16e6, 32e6]
tokens_per_param = [5, 10, 20, 40, 80]
# candidates = "candidates.csv"  # in place of these: a table, one row a run, with any settings

[budget]
flops = 1e17                     # of all runs together; or hours, or money
slots = 4                        # runs at a time
# batch = 2e16                   # compute of one step
# first = 8                      # runs before the first fit, where there is no start

[target]
flops = 1e19                     # or params and tokens

[stop]                           # before the budget is spent; whatever holds first
width = 0.03                     # of the 90 % interval of the target's log loss
# gain = 0.1                     # share of it that the runs left to pay for would still remove
# target_loss = 2.5              # settled, either way, with the probability:
# sure = 0.95
# value = 1e6                    # of reaching it: stop where knowing more pays for no further run

[run]
command = ["python", "train.py", "--config", "{{config}}"]  # no shell reads this
# template = "job.sh"            # a configuration of your own, with {{params}} and the like in it
launcher = "local"               # or "slurm" (by submitit, which takes [slurm]), "print"
results = "runs/{{run}}/result.json"  # a JSON object with the loss; or one table for all runs
time_limit = 24.0                # hours

[fit]
# models = ["chinchilla", "coupled"]

[rig]
accelerator = "h100"
# price = 2.5                    # of an accelerator-hour
"""
