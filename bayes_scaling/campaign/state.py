"""Where a campaign is: what its ledger says of every run, and how the forecast narrowed."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from bayes_scaling.campaign.campaign_toml import Campaign, read_campaign
from bayes_scaling.campaign.configs import Config
from bayes_scaling.campaign.ledger import NAME, Line, read_ledger
from bayes_scaling.intervals import significant
from bayes_scaling.page import Block, Grid, Page, Printed

Standing = Literal["planned", "launched", "done", "failed", "lost"]

FITTED = (
    "runs fitted",
    "spent [FLOP]",
    "loss of the target, 90 % ETI",
    "width",
    "expected at the end",
)
"""Heading of the table of fits."""

OWN = ("run", "seed")
"""What a configuration has beside the settings of its candidate."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run of a campaign.

    Attributes
    ----------
    id : str
        Its name.
    config : mapping
        Its settings.
    flops : float
        Its compute [FLOP], which counts from when it is planned.
    argv : sequence of str
        Its command.
    planned : str
        When it was planned (ISO, UTC).
    expected : sequence of float
        Lower end, median and upper end of the loss that was forecast for it; empty for the first.
    standing : str
        ``"planned"``, ``"launched"``, ``"done"``, ``"failed"`` or ``"lost"``.
    said : str
        How it was launched, what is doubtful about its result, or why there is none.
    row : mapping
        Its row in the table of runs, once it is done.
    """

    id: str
    config: Config
    flops: float
    argv: Sequence[str]
    planned: str
    expected: Sequence[float] = ()
    standing: Standing = "planned"
    said: str = ""
    row: Mapping[str, Any] | None = None

    @property
    def in_flight(self) -> bool:
        """Whether its result is waited for."""
        return self.standing in ("planned", "launched")

    @property
    def recipe(self) -> frozenset[tuple[str, Any]]:
        """The candidate that it is of."""
        return recipe_of(self.config)


def recipe_of(config: Config) -> frozenset[tuple[str, Any]]:
    """Return the settings by which a candidate is known."""
    return frozenset((name, value) for name, value in config.items() if name not in OWN)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class State(Printed):
    """What the ledger of a campaign says.

    Attributes
    ----------
    campaign : Campaign
        Its definition.
    lines : tuple of mapping
        The ledger, oldest first.
    fresh : int
        How many of the lines the last step added.
    dry : bool
        Whether that step wrote and launched nothing.
    """

    campaign: Campaign
    lines: tuple[Line, ...]
    fresh: int = 0
    dry: bool = False

    @cached_property
    def runs(self) -> dict[str, Run]:
        """The runs by their names, in the order in which they were planned."""
        return runs_of(self.lines)

    @property
    def spent(self) -> float:
        """Compute of all runs that were planned, whatever became of them [FLOP]."""
        return sum(run.flops for run in self.runs.values())

    @property
    def fits(self) -> tuple[Line, ...]:
        """What each fit said of the target, oldest first."""
        return tuple(line for line in self.lines if line["kind"] == "fit")

    @property
    def stopped(self) -> str | None:
        """Why the campaign is over; None while it goes on, or since its terms were changed."""
        stops = [line for line in self.lines if line["kind"] == "stop"]
        over = bool(stops) and stops[-1]["terms"] == self.campaign.terms
        return str(stops[-1]["why"]) if over else None

    @property
    def in_flight(self) -> tuple[Run, ...]:
        """Runs whose results are waited for."""
        return tuple(run for run in self.runs.values() if run.in_flight)

    @property
    def launches(self) -> tuple[Run, ...]:
        """Runs that the last step planned."""
        fresh = self.lines[len(self.lines) - self.fresh :]
        return tuple(self.runs[line["run"]] for line in fresh if line["kind"] == "plan")

    def _rows(self) -> list[dict[str, Any]]:
        """Return one dict per run."""
        rig = self.campaign.rig
        return [
            {"run": run.id, "standing": run.standing, **_sizes(run.config), "flops": run.flops}
            | {"hours": rig.hours(run.flops), "money": rig.money(run.flops)}
            | {"loss": run.row["loss"] if run.row else None, "said": run.said}
            | {"command": list(run.argv)}
            for run in self.runs.values()
        ]

    @property
    def about(self) -> dict[str, Any]:
        """What is told beside the rows."""
        return {
            "title": self.campaign.title,
            "budget": self.campaign.flops,
            "spent": self.spent,
            "stopped": self.stopped,
            "fits": [dict(line) for line in self.fits],
            "launched": [run.id for run in self.launches],
            "dry_run": self.dry,
        }

    def page(self) -> Page:
        """Return what is printed: where it is, how the forecast narrowed, runs, what is next."""
        share = self.spent / self.campaign.flops
        counts = {name: 0 for name in ("done", "launched", "planned", "failed", "lost")}
        for run in self.runs.values():
            counts[run.standing] += 1
        told = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
        head: list[Block] = [
            f"{self.campaign.title}: {told or 'no runs yet'}; {self.spent:.3g} of "
            f"{self.campaign.flops:.3g} FLOP ({share:.0%})"
        ]
        found = [head]
        if self.fits:
            found.append([Grid(heading=FITTED, rows=[_fit_cells(line) for line in self.fits])])
        if self.runs:
            found.append([self._grid()])
        doubts = [
            f"{run.id}: {run.said}"
            for run in self.runs.values()
            if run.said and run.standing in ("done", "failed", "lost")
        ]
        found.append([*doubts])
        by_hand = self.dry or self.campaign.run.launcher == "print"
        asked = self.launches if self.fresh else ()
        if by_hand and asked:
            what = "would run" if self.dry else "to run"
            found.append([f"{what}:", *(f"  {shlex.join(run.argv)}" for run in asked)])
        found.append([self._next()])
        return [paragraph for paragraph in found if paragraph]

    def _grid(self) -> Grid:
        priced = self.campaign.rig.price is not None
        heading = ("run", "", "params N", "tokens D", "compute C [FLOP]", "hours",
                   *(["money"] if priced else []), "expected", "loss")  # fmt: skip
        rows = []
        for row, run in zip(self.rows(), self.runs.values(), strict=True):
            cells = [row["run"], row["standing"]]
            cells += [f"{row[n]:.3g}" if n in row else "" for n in ("params", "tokens", "flops")]
            cells += [significant(row[n], 3) for n in ("hours", *(["money"] if priced else []))]
            low, middle, high = run.expected or (None, None, None)
            cells.append("" if middle is None else f"{middle:.4g} [{low:.4g}, {high:.4g}]")
            rows.append([*cells, "" if row["loss"] is None else f"{row['loss']:.4g}"])
        return Grid(heading=heading, rows=rows)

    def _next(self) -> str:
        if self.stopped:
            return f"stop: {self.stopped}"
        waiting = len(self.in_flight)
        if waiting:
            return f"waiting for {waiting} run{'s' if waiting > 1 else ''}; then step again"
        return f"next: bayes-scaling campaign step {self.campaign.folder}"


def _sizes(config: Config) -> dict[str, Any]:
    return {name: config[name] for name in ("params", "tokens") if name in config}


def _fit_cells(line: Line) -> list[str]:
    low, middle, high = line["loss"]
    return [
        str(line["rows"]),
        f"{line['spent']:.3g}",
        f"{middle:.4g} [{low:.4g}, {high:.4g}]",
        f"{line['width']:.2%}",
        f"{line['width'] * (1 - line['gain']):.2%}",
    ]


def runs_of(lines: Sequence[Line]) -> dict[str, Run]:
    """Return what lines say of every run."""
    found: dict[str, Run] = {}
    for line in lines:
        kind = line["kind"]
        if kind == "plan":
            found[line["run"]] = Run(
                id=line["run"],
                config=line["config"],
                flops=line["flops"],
                argv=line["argv"],
                planned=line["at"],
                expected=line["expected"],
            )
        elif kind == "launch":
            found[line["run"]] = replace(
                found[line["run"]], standing="launched", said=line["handle"]
            )
        elif kind in ("failed", "lost"):
            found[line["run"]] = replace(found[line["run"]], standing=kind, said=line["why"])
        elif kind == "result":
            found[line["run"]] = replace(
                found[line["run"]], standing="done", said=line["doubt"], row=line["row"]
            )
    return found


def status(folder: str | Path) -> State:
    """Return where a campaign is, as its ledger says.

    Parameters
    ----------
    folder : path
        Its folder.

    Raises
    ------
    InputError
        There is no campaign, or what it says cannot be read.
    """
    campaign = read_campaign(folder)
    return State(campaign=campaign, lines=tuple(read_ledger(campaign.folder / NAME)))
