"""Whether forecasts on record are those of the fits beside them: hashes, computed anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bayes_scaling.errors import InputError
from bayes_scaling.page import Block, Grid, Page, Printed
from bayes_scaling.posterior import Posterior, load
from bayes_scaling.questions.record import Places, read_record, records_in


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Verification(Printed):
    """Which forecasts on record agree with a saved fit.

    Attributes
    ----------
    found : tuple of mapping
        One per forecast: ``record``, ``hash``, ``created``, ``model``, ``fit`` (the file that
        agrees; None without one) and ``why`` (what differs where none does).
    unread : mapping of str to str
        Why a file beside a record could not be opened, by its path.
    """

    found: tuple[Mapping[str, Any], ...]
    unread: Mapping[str, str]

    @property
    def agrees(self) -> bool:
        """Whether every forecast has a saved fit that it may come from."""
        return all(row["fit"] is not None for row in self.found)

    def _rows(self) -> list[dict[str, Any]]:
        return [dict(row) for row in self.found]

    def page(self) -> Page:
        """Return what is printed: every forecast with the fit that agrees, or what differs."""
        agreeing = sum(row["fit"] is not None for row in self.found)
        said = f"{agreeing} of {len(self.found)} forecasts on record agree with a saved fit"
        cells = [
            [
                row["hash"],
                row["created"][:10],
                row["model"],
                "agrees" if row["fit"] is not None else "differs",
                row["why"] if row["fit"] is None else row["fit"],
            ]
            for row in self.found
        ]
        page: list[list[Block]] = [
            [said, Grid(heading=("forecast", "on record since", "model", "", "fit"), rows=cells)]
        ]
        return page


def verify(places: Places) -> Verification:
    """Compute the hashes of model and runs anew from the saved fits beside a record.

    That a line was not changed is checked as it is read; this says which fit it may come from.

    Parameters
    ----------
    places : path or sequence of path
        Records, and folders of them. The fits are all files ``*.nc`` in the folder of a record.

    Returns
    -------
    Verification

    Raises
    ------
    InputError
        There is no record, or a line of one was changed.
    """
    found: list[dict[str, Any]] = []
    unread: dict[str, str] = {}
    for path in records_in(places):
        hashes: dict[str, tuple[list[str], str]] = {}
        forecasts = read_record(path).forecasts
        for file in sorted(path.parent.glob("*.nc")):
            try:
                hashes[str(file)] = _hashes(load(file))
            except InputError as error:
                unread[str(file)] = " ".join(str(error).split())
        found += [
            {name: line[name] for name in ("hash", "created", "model")}
            | {"record": str(path)}
            | _compared((line["model_hashes"], line["runs_hash"]), hashes)
            for line in forecasts
        ]
    return Verification(found=tuple(found), unread=unread)


def _hashes(fit: Posterior) -> tuple[list[str], str]:
    """Return the hashes of the models and of the runs, as they are now."""
    models = [member.model.content_hash for member in fit.members.values()]
    return models, fit.leading.runs.content_hash


def _compared(
    said: tuple[list[str], str], hashes: Mapping[str, tuple[list[str], str]]
) -> dict[str, str | None]:
    """Return the file that agrees, or what differs in those that come nearest."""
    fit = next((file for file, own in hashes.items() if own == said), None)
    if fit is not None:
        return {"fit": fit, "why": ""}
    if not hashes:
        return {"fit": None, "why": "no saved fit beside the record"}
    if any(models == said[0] for models, _ in hashes.values()):
        return {"fit": None, "why": "the model is there, of other runs"}
    if any(runs == said[1] for _, runs in hashes.values()):
        return {"fit": None, "why": "the runs are there, of other models"}
    return {"fit": None, "why": "no fit of this model and these runs"}
