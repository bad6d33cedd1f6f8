"""A plan of a big run, kept as a small TOML file: what is asked, and what must be equal.

A forecast carries over to the big run what the small runs had in common. The questionnaire goes
through what that is; whatever differs, or was not looked at, is no part of any interval.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from bayes_scaling.errors import InputError
from bayes_scaling.files import read_toml
from bayes_scaling.questions.device import Device
from bayes_scaling.questions.limits import Limits
from bayes_scaling.questions.rig import Rig
from bayes_scaling.runs.columns import unknown_keys
from bayes_scaling.runs.counting import MOST

QUESTIONS: Mapping[str, str] = {
    "tokenizer": "losses per token of another tokenizer are other numbers",
    "evaluation_set": "the loss means this text, and this context length",
    "data_mixture": "another mixture is another law",
    "architecture": "the same family of shapes, normalisation and activation",
    "optimizer": "with the same moments, weight decay and clipping",
    "schedule": "runs that were not annealed lie above those that were",
    "precision": "low precision acts as fewer parameters",
    "tuning": "learning rate and batch size were tuned at every size, or follow one rule",
    "single_pass": "no data are repeated, in the small runs nor in the big one",
    "stability": "the big run is as free of spikes and restarts",
}
"""What must be equal between the small runs and the big one, and why."""

RUN = ("flops", "params", "tokens", "hours", "money", "target_loss", "family", "sure", "value")
"""What the table ``run`` may say."""

TEXTS = ("family", "accelerator")
"""What is a text; all else is a number, or a list of them."""


@dataclass(frozen=True, kw_only=True)
class RunPlan:
    """A plan that was read.

    Attributes
    ----------
    title : str
        What it is called.
    run : mapping of str to value
        What is asked: a budget or sizes, the target, the group.
    limits : Limits
        What the split stays within.
    rig : Rig
        What compute costs.
    matched : mapping of str to bool or None
        Answers to the questionnaire; None where it was not looked at.
    """

    title: str = "plan"
    run: Mapping[str, Any] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    rig: Rig = field(default_factory=Rig)
    matched: Mapping[str, bool | None] = field(default_factory=dict)

    @property
    def unmatched(self) -> tuple[str, ...]:
        """Sentences on what differs, then on what was not looked at."""
        answers = {name: self.matched.get(name) for name in QUESTIONS}
        return tuple(
            f"{name.replace('_', ' ')} {said}: {QUESTIONS[name]}"
            for wanted, said in ((False, "differs"), (None, "was not looked at"))
            for name, answer in answers.items()
            if answer is wanted
        )

    @property
    def asked(self) -> dict[str, Any]:
        """Arguments for `Fit.risk`."""
        said = dict(self.run)
        hours, money = said.pop("hours", None), said.pop("money", None)
        if hours is not None or money is not None:
            said["flops"] = self.rig.flops(hours=hours, money=money)
        return {**said, "limits": self.limits, "rig": self.rig}


def read_run_plan(path: str | Path) -> RunPlan:
    """Read a plan.

    Parameters
    ----------
    path : path
        A TOML file with the tables run, limits, rig and matched; see `TEMPLATE`.

    Returns
    -------
    RunPlan

    Raises
    ------
    InputError
        There is no such file, it is no TOML, or something in it cannot be used; all at once.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"no plan {str(path)!r}: 'bayes-scaling plan {path}' writes one to fill")
    text = read_toml(path)
    tables = {
        "run": RUN,
        "limits": tuple(each.name for each in fields(Limits)),
        "device": tuple(each.name for each in fields(Device)),
        "rig": tuple(each.name for each in fields(Rig)),
        "matched": tuple(QUESTIONS),
    }
    problems = unknown_keys("the plan", text, ("title", *tables))
    for name, known in tables.items():
        problems += unknown_keys(f"[{name}]", text.get(name, {}), known)
        if name != "matched":
            problems += _wrong_kinds(f"[{name}]", text.get(name, {}))
    if any(not isinstance(text.get(name, {}), Mapping) for name in tables):
        raise InputError(problems, source=str(path))
    given = text.get("matched", {})
    problems += [
        f"[matched] {name} is true, false or \"unknown\", got {value!r}"
        for name, value in given.items()
        if not (isinstance(value, bool) or value == "unknown")
    ]  # fmt: skip
    if len({"flops", "hours", "money", "params"} & set(text.get("run", {}))) != 1:
        problems.append("[run] says one of flops, hours, money, or params with tokens")
    if "memory" not in text.get("device", {"memory": 1.0}):
        problems.append("[device] needs memory, in bytes")
    if problems:
        raise InputError(problems, source=str(path))
    limits = Limits(**text.get("limits", {}))
    return RunPlan(
        title=str(text.get("title", path.stem)),
        run=text["run"],
        limits=limits.on(Device(**text["device"])) if "device" in text else limits,
        rig=Rig(**text.get("rig", {})),
        matched={name: None if value == "unknown" else value for name, value in given.items()},
    )


def _wrong_kinds(where: str, given: Any) -> list[str]:
    """Say which values are no numbers, though numbers are meant."""
    found = []
    for name, value in given.items() if isinstance(given, Mapping) else ():
        if name in TEXTS:
            fits, wanted = isinstance(value, str), "a text"
        elif name == "menu":
            fits, wanted = (
                isinstance(value, list) and all(map(_number, value)),
                "a list of numbers from 0",
            )
        else:
            fits, wanted = _number(value), f"a number from 0 to {MOST:g}"
        if not fits:
            found.append(f"{where} {name} is {wanted}, got {_shown(value)}")
    return found


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= MOST


def _shown(value: object) -> str:
    """Write a value in a message: a long one cut short."""
    try:
        text = repr(value)
    except ValueError:  # a number of more digits than Python writes
        return "a number of thousands of digits"
    return text if len(text) < 80 else text[:77] + "..."


TEMPLATE = """# Plan of a big run: 'bayes-scaling risk FIT --plan THIS' answers it.
title = "our big run"

[run]
flops = 1e21         # or hours, or money, or params and tokens
target_loss = 2.0
# family = "..."     # the group of runs it belongs to, where the fit has several
# sure = 0.9         # probability with which the smallest sufficient budget reaches the target
# value = 1e6        # what reaching the target is worth, in the currency of the price

[limits]
# max_params = 7e9   # such as fit the device that serves
# max_tokens = 2e12  # such as are on hand
# max_steps = 5e5    # that there is time for; with max_batch
# max_batch = 4e6    # tokens of the largest batch that loses nothing
# menu = [1.3e9, 2.7e9, 6.7e9]  # params of the shapes that can be built
# inference_tokens = 1e12

# [device]           # that serves the model: bounds the params as well
# memory = 80e9      # bytes of one
# count = 1          # that share a copy
# bytes_per_param = 2
# cache = 20e9       # bytes of keys and values of all sequences served at once

[rig]
accelerator = "h100"
utilisation = 0.4
# price = 2.5        # of an accelerator-hour

[matched]            # equal in the small runs and the big one: true, false or "unknown"
""" + "\n".join(f'{name} = "unknown"  # {why}' for name, why in QUESTIONS.items())
