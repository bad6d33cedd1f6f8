"""Simulation-based calibration of every shipped law, on record by the hash of its definition.

    python -m tests.studies.calibrate_all [LAW ...] [--design few] [--draws 1000] [--until 16:00]

Designs: `one`, the 25 runs over four decades that `bs.calibrate` simulates by default; `few`, every
second of them, 13, where priors weigh more; and `groups`, as many as `one` of each of two families,
pooled, for laws whose pooling stands for that of all (400 CPU s each). Two chains of 250 draws are
few for laws with ridges: what looks miscalibrated is run once more with 1,000. What is on record
under the present hash, with as many draws, is skipped, so a run that was stopped goes on. Each law
and design are lines of calibration.csv, one per quantity; those still to be run are named in
uncalibrated.txt, and leave it as they are put on record (`--until 00:00` runs none, and only takes
from the list what is on record).
"""

from __future__ import annotations

import argparse
import csv
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

import bayes_scaling as bs
from bayes_scaling.errors import InputError
from bayes_scaling.files import replacing
from bayes_scaling.laws import load_model
from bayes_scaling.laws.catalogue import list_models
from bayes_scaling.laws.model import Model
from bayes_scaling.runs import RunTable
from bayes_scaling.validation.calibration import default_sizes

RECORD = Path(__file__).with_name("calibration.csv")
OPEN = Path(__file__).with_name("uncalibrated.txt")
FIELDS = (
    "law", "hash", "design", "simulations", "quantity", "coverage50", "coverage90", "p_value",
    "corrected", "unconverged", "cpu_seconds", "draws",
)  # fmt: skip
DESIGNS = ("one", "few", "groups")
DRAWS, TUNE = 250, 400
"""Of each chain; with more draws as many steps of tuning."""

FIRST = (
    "chinchilla", "coupled", "coupled-drift", "ceiling-drift", "lr-valley", "kaplan-nd", "kaplan-n",
    "kaplan-c", "isoflop", "data-constrained", "moe-joint", "finetune", "emergence",
    "downstream-exp", "downstream-sigmoid", "score-c", "loss-shift", "loss-to-loss", "context",
    "width-depth", "aspect", "farseer", "saturating-m4", "broken-1-c", "transfer", "overtrain",
)  # fmt: skip
"""Laws that matter most come first."""


GROUPED = ("chinchilla", "coupled", "coupled-drift", "kaplan-nd", "kaplan-c")
"""Laws that are calibrated with two families."""


def laws(design: str = "one") -> list[str]:
    """Return the shipped laws that are calibrated with a design, the first ones first."""
    if design == "groups":
        return [*GROUPED]
    able = [each.id for each in list_models() if each.kind == "law" and not each.temper]
    return [*FIRST, *sorted(set(able) - set(FIRST))]


def sizes_of(law: Model, design: str) -> RunTable | None:
    """Return the runs of a design; none for those of `bs.calibrate` by default."""
    if design == "one":
        return None
    once = default_sizes(law)
    if design == "few":
        return once.take(np.arange(0, len(once), 2))
    columns = {name: np.tile(values, 2) for name, values in once.columns.items()}
    columns["run"] = np.arange(2 * len(once)).astype(str)
    outer = law.group.split("/")[0]
    return RunTable(columns={**columns, outer: np.repeat(["one", "two"], len(once))})


def read_record() -> list[dict[str, str]]:
    """Return the lines on record."""
    with RECORD.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def read_open() -> set[tuple[str, str]]:
    """Return the laws and designs that are named as not run yet."""
    lines = OPEN.read_text(encoding="utf-8").splitlines()
    pairs = (line.split() for line in lines if not line.startswith("#"))
    return {(law, design) for law, design in pairs}


def close_those_on_record() -> None:
    """Take out of the open laws and designs those that have a row."""
    done = {f"{each['law']} {each['design']}" for each in read_record()}
    lines = OPEN.read_text(encoding="utf-8").splitlines(keepends=True)
    OPEN.write_text("".join(line for line in lines if line.strip() not in done), encoding="utf-8")


def calibrated(
    law: Model, design: str, simulations: int, draws: int = DRAWS
) -> list[dict[str, Any]]:
    """Calibrate a law and return its lines."""
    began = time.process_time()
    found = bs.calibrate(
        law,
        sizes_of(law, design),
        simulations=simulations,
        draws=draws,
        tune=max(TUNE, draws),
        random_seed=1,
        progress=False,
    )
    spent = time.process_time() - began
    rows = found.rows()
    about = {"law": law.id, "hash": law.content_hash, "design": design, "simulations": simulations}
    about |= {"unconverged": f"{1 - found.converged.mean():.3f}", "cpu_seconds": f"{spent:.0f}"}
    about |= {"draws": draws}
    return [
        about
        | {"quantity": row["quantity"]}
        | {name: f"{row[name]:.3f}" for name in ("coverage50", "coverage90")}
        | {"p_value": f"{row['p_value']:.2g}"}
        | {"corrected": f"{min(1.0, len(rows) * row['p_value']):.2g}"}
        for row in rows
    ]


def put_on_record(lines: list[dict[str, Any]]) -> None:
    """Replace what was on record of a law and design."""
    key = (lines[0]["law"], lines[0]["design"])
    kept = [each for each in read_record() if (each["law"], each["design"]) != key]
    every = sorted([*kept, *lines], key=lambda each: (each["law"], each["design"]))
    with replacing(RECORD) as whole, whole.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(every)
    close_those_on_record()


def main() -> None:
    """Calibrate what is not on record, one law after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("laws", nargs="*", default=[])
    parser.add_argument("--design", choices=DESIGNS, default="one")
    parser.add_argument("--simulations", type=int, default=200)
    parser.add_argument("--draws", type=int, default=DRAWS, help="of each of two chains")
    parser.add_argument("--until", default="23:59", help="begin no law after this time of the day")
    asked = parser.parse_args()
    close_those_on_record()
    known = {
        (each["hash"], each["design"])
        for each in read_record()
        if int(each["draws"]) >= asked.draws
    }
    for name in asked.laws or laws(asked.design):
        law = load_model(name)
        if (law.content_hash, asked.design) in known:
            continue
        if f"{datetime.now():%H:%M}" > asked.until:
            break
        try:
            lines = calibrated(law, asked.design, asked.simulations, asked.draws)
        except InputError as error:
            print(f"{name}: {error}", flush=True)
            continue
        put_on_record(lines)
        worst = min(lines, key=lambda each: float(each["corrected"]))
        print(f"{name} {asked.design}: {lines[0]['cpu_seconds']} CPU s, "
              f"{lines[0]['unconverged']} unconverged, smallest corrected p {worst['corrected']} "
              f"({worst['quantity']}, 90 % held {worst['coverage90']})", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
