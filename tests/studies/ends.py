"""How bad ends are met: hostile files and options, damaged fits, kills, full disks, Ctrl-C.

``python -m tests.studies.ends [AREA ...] [--seed N] [--share S] [--verbose]`` prints, for each
area, what was tried and what ended badly, and exits with 1 if anything did. A share below 1 tries
that part of each.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from tests import hostile

os.environ.update(hostile.QUIET)  # before numpy comes with the rest

import numpy as np

import bayes_scaling.commands.asking
import bayes_scaling.commands.campaigning
import bayes_scaling.commands.definitions
import bayes_scaling.commands.duelling
import bayes_scaling.commands.fits
import bayes_scaling.commands.planning
import bayes_scaling.commands.recording
import bayes_scaling.commands.reporting
import bayes_scaling.commands.sources
import bayes_scaling.commands.trials  # noqa: F401
from tests import spoiled
from tests.hostile import End, command
from tests.studies import damage, disks, interrupts, kills
from tests.synthetic import synthetic_fit

CHECKOUT = Path(__file__).resolve().parents[2]
SHARED = (
    Path(os.environ.get("BAYES_SCALING_PUBLIC_DATA", CHECKOUT.parent / "shared/data")).parent
    / "cases/hostile"
)
"""Hostile files that people wrote; they are no part of the checkout."""


@dataclass(frozen=True, kw_only=True)
class Room:
    """Where an area works.

    Attributes
    ----------
    folder : Path
        Its own, empty.
    rng : Generator
        Its own.
    share : float
        Part of what the whole study tries.
    """

    folder: Path
    rng: np.random.Generator
    share: float

    def of(self, count: int) -> int:
        """Return how many of so many are tried."""
        return max(1, round(count * self.share))


# ---- hostile inputs ------------------------------------------------------------------------------


def run(given: spoiled.Given, folder: Path) -> Iterator[End]:
    """Run commands in a folder; what stays half written there, or was executed, is a bad end."""
    os.chdir(folder)
    for name, arguments in given.items():
        end = command(*arguments, name=name)
        left = hostile.leftovers(folder)
        left += [spoiled.EXECUTED] if (folder / spoiled.EXECUTED).exists() else []
        for path in left:
            (folder / path).unlink(missing_ok=True)
        yield replace(end, code=71, said=f"left {left}") if left else end


def shared_files(room: Room) -> Iterator[End]:
    """Ask every file of `SHARED`."""
    fit = synthetic_fit().save(room.folder / "fit.nc")
    found: spoiled.Given = {}
    for kind in ("models", "plans", "tables", "fits"):
        paths = sorted((SHARED / kind).iterdir()) if (SHARED / kind).is_dir() else []
        for path in paths:
            found[f"{kind}/{path.name}"] = {
                "models": ["models", "show", str(path)],
                "plans": ["risk", str(fit), "--plan", str(path)],
                "tables": ["check", str(path)],
                "fits": ["forecast", str(path), "--params", "7B", "--tokens", "140B"],
            }[kind]
    names = list(found)[:: max(1, round(1 / room.share))]
    yield from run({name: found[name] for name in names}, room.folder)


def tables(room: Room) -> Iterator[End]:
    """Check spoiled tables."""
    yield from run(spoiled.tables(room.folder, room.rng, room.of(400)), room.folder)


def models(room: Room) -> Iterator[End]:
    """Show spoiled definitions of laws."""
    given = spoiled.models(room.folder, room.rng, room.of(250), CHECKOUT / "models")
    yield from run(given, room.folder)


def plans(room: Room) -> Iterator[End]:
    """Ask spoiled plans."""
    fit = synthetic_fit().save(room.folder / "fit.nc")
    yield from run(spoiled.plans(room.folder, room.rng, room.of(100), fit), room.folder)


def campaigns(room: Room) -> Iterator[End]:
    """Make dry steps of spoiled campaigns."""
    yield from run(spoiled.campaigns(room.folder, room.rng, room.of(100)), room.folder)


def options(room: Room) -> Iterator[End]:
    """Give numbers that are none to commands."""
    fit = synthetic_fit().save(room.folder / "fit.nc")
    synthetic_fit("lr-valley").save(room.folder / "rates.nc")
    table = room.folder / "runs.csv"
    synthetic_fit().runs.frame.to_csv(table, index=False)
    yield from run(spoiled.options(room.rng, room.of(250), fit, table), room.folder)


def names(room: Room) -> Iterator[End]:
    """Put hostile names of runs and groups through tables, answers and pages, a plain one first.

    With a hostile one a command takes at most twice as long as with the plain one, and a second.
    """
    plain: dict[str, float] = {}
    for number, name in enumerate(("plain", *spoiled.NAMES[: room.of(len(spoiled.NAMES))])):
        folder = room.folder / str(number)
        folder.mkdir()
        runs = synthetic_fit(families=(name, "other"), extra={"corpus": name})
        runs.runs.frame.to_csv(folder / "t.csv", index=False)
        given = {"check": ["check", str(folder / "t.csv")]}
        if "\x00" not in name:  # or no reader lets it through, and no file keeps it
            fit = runs.save(folder / "f.nc")
            asked = ["--params", "1e9", "--tokens", "2e10", "--family", name]
            given |= {
                "forecast": ["forecast", str(fit), *asked, "--register"],
                "score": ["score", str(fit), "--page", str(folder / "s.md")],
                "mistuned": ["mistuned", str(fit), "--all"],
            }
            if number == 0 or number % 3 == 1:  # the plain one and a third of the others
                given["report"] = ["report", str(fit), "-o", str(folder / "r.html"),
                                   "--family", name]  # fmt: skip
                given["page"] = ["report", str(fit), "-o", str(folder / "r.md"), "--format", "md",
                                 "--family", name]  # fmt: skip
        for kind, arguments in given.items():
            for end in run({f"{kind} {name!r}": arguments}, folder):
                allowed = 2 * plain.setdefault(kind, end.cpu) + 1
                yield _pages_are_plain(replace(end, allowed=allowed), folder, name)


LINK = re.compile(r"(?<!\\)(?:\\\\)*\[x\][\[(:]")
"""A link of a name in Markdown that is not escaped."""


def _pages_are_plain(end: End, folder: Path, name: str) -> End:
    """Return the end, or a bad one where a page obeys a name."""
    for path in (*folder.glob("*.html"), *folder.glob("*.md")):
        text = path.read_text("utf-8")
        obeyed = bool(hostile.CONTROLS.search(text)) or ("<" in name and name in text)
        if path.suffix == ".md":
            obeyed = obeyed or bool(LINK.search(text)) or "\n# injected" in text
        if obeyed:
            path.unlink()
            return replace(end, code=71, said=f"{path.name} obeys the name")
    return end


# ---- all areas -----------------------------------------------------------------------------------

AREAS: dict[str, Callable[[Room], Iterator[End]]] = {
    "shared files": shared_files,
    "tables": tables,
    "models": models,
    "plans": plans,
    "campaigns": campaigns,
    "options": options,
    "names": names,
    "damaged fits": lambda room: damage.ends(room.folder, room.rng, room.of(100)),
    "kills": lambda room: kills.ends(room.folder, room.of(50)),
    "disks": lambda room: disks.ends(room.folder, room.of(63)),
    "interrupts": lambda room: interrupts.ends(room.folder, room.of(20)),
}


def main() -> int:
    """Try all areas, or some, and return how the study ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("areas", nargs="*", metavar="AREA", help=", ".join(AREAS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--verbose", action="store_true")
    asked = parser.parse_args()
    if unknown := set(asked.areas) - set(AREAS):
        parser.error(f"no area {', '.join(unknown)}; there are {', '.join(AREAS)}")
    warnings.simplefilter("ignore")
    all_bad = 0
    print("| area | tried | ended badly | first bad ends |\n|---|---|---|---|", flush=True)
    for place, (name, area) in enumerate(AREAS.items()):
        if asked.areas and name not in asked.areas:
            continue
        here = Path.cwd()
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            rng = np.random.default_rng([asked.seed, place])
            ends = []
            for end in area(Room(folder=Path(folder), rng=rng, share=asked.share)):
                ends.append(end)
                if asked.verbose:
                    last = (end.said.strip().splitlines() or [""])[-1]
                    print(f"{end.name}: {end.code} {end.cpu:.1f} s {last[:150]!r}", flush=True)
                if end.bad and asked.verbose:
                    print(f"  BAD {end.bad}\n{end.said[-3000:]}", flush=True)
            os.chdir(here)
        bad = [end for end in ends if end.bad]
        all_bad += len(bad)
        cpu = sum(end.cpu for end in ends)
        first = "; ".join(f"{end.name}: {end.bad}" for end in bad[:3])
        print(f"| {name} ({cpu:.0f} s) | {len(ends)} | {len(bad)} | {first} |", flush=True)
    return 1 if all_bad else 0


if __name__ == "__main__":
    sys.exit(main())
