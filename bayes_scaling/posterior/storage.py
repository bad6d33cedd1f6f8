"""Saving a posterior to one netCDF file; reading it back with h5py and numpy alone."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import BayesScalingWarning, InputError
from bayes_scaling.files import check_target, replacing
from bayes_scaling.laws.catalogue import catalogue_hash
from bayes_scaling.laws.read import read_model
from bayes_scaling.posterior.diagnostics import Check, Mixing
from bayes_scaling.posterior.member import Member
from bayes_scaling.posterior.posterior import MEMBERS, Posterior
from bayes_scaling.posterior.sampler import Settings
from bayes_scaling.posterior.tree import DRIFT, stored_name
from bayes_scaling.runs import RunTable

if TYPE_CHECKING:
    import h5py

FORMAT = 2
"""Version of the layout; raised when an older reader could not read it. Since 2 a check says
whether it is about the sampling."""

ABOUT_SAMPLING = ("R-hat", "effective draws", "divergences", "E-BFMI")
"""Names of the checks that were about it in files of layout 1."""

HEADER = "header"
"""Group and variable that hold, as JSON, all that is not an array."""


def save(fit: Posterior, path: str | Path) -> Path:
    """Save a posterior to one netCDF file, whole or not at all.

    Parameters
    ----------
    fit : Posterior
        The fit, laid out at the top of the file; or the ensemble, whose members are each laid out
        as a fit under ``members/name``.
    path : str or Path
        Where to; a file that is there is replaced once the new one is complete.

    Returns
    -------
    Path

    Raises
    ------
    InputError
        The folder does not exist, or the path is one.
    """
    import xarray as xr

    def header(content: Mapping[str, Any]) -> xr.DataTree:
        return xr.DataTree(xr.Dataset({HEADER: ((), json.dumps(content))}))

    path = check_target(path)
    tree = fit.tree
    if fit.averages:
        tree[HEADER] = header(_ensemble_header(fit))
        for name, member in fit.members.items():
            tree[f"{MEMBERS}/{stored_name(name)}/{HEADER}"] = header(_header(member))
    else:
        tree[HEADER] = header(_header(fit.only))
    with replacing(path) as temporary:
        tree.to_netcdf(temporary, engine="h5netcdf")
    return path


def load(path: str | Path) -> Posterior:
    """Read a saved posterior.

    Parameters
    ----------
    path : str or Path
        A file that `save` wrote.

    Returns
    -------
    Posterior
        What was saved.

    Raises
    ------
    InputError
        There is no such file, it is not a saved fit, or its content does not match its hashes.

    Warns
    -----
    BayesScalingWarning
        The catalogue's model of that name is no longer the one of the fit; the fit keeps its own.
    """
    import h5py

    path = Path(path)
    if not path.is_file():
        raise InputError(f"no saved fit {str(path)!r}; 'bayes-scaling fit' writes one")
    try:
        with h5py.File(path, "r") as file:
            header = _read_header(file)
            fit = (
                _read_ensemble(file, header)
                if MEMBERS in header
                else Posterior.of_one(_read(file, header))
            )
    except (OSError, KeyError, json.JSONDecodeError) as error:
        raise InputError(
            "not a saved fit, or a damaged one; of a table of runs 'bayes-scaling fit TABLE -o "
            f"FIT.nc' makes one ({error})",
            source=str(path),
        ) from None
    except InputError as error:
        raise InputError(error.problems, source=str(path)) from None
    for name, member in fit.members.items():
        if member.provenance.get("catalogue_hash", "") in ("", catalogue_hash(name)):
            continue
        warnings.warn(
            f"the catalogue's {name} has changed since {path.name} was fitted; the fit "
            "keeps the model it was made with",
            BayesScalingWarning,
            stacklevel=2,
        )
    return fit


def _header(fit: Member) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "model": fit.model.to_dict(),
        "references": dict(fit.references),
        "groups": list(fit.groups),
        "mixing": {name: asdict(item) for name, item in fit.mixing.items()},
        "checks": [asdict(check) for check in fit.checks],
        "settings": asdict(fit.settings),
        "provenance": dict(fit.provenance),
        "columns": list(fit.runs.columns),
        "notes": list(fit.runs.notes),
        "draws": list(fit.draws),
        "steps": list(fit.steps),
        "every": fit.every,
    }


def _ensemble_header(ensemble: Posterior) -> dict[str, Any]:
    return {
        "format": FORMAT,
        MEMBERS: list(ensemble.members),
        "weights": dict(ensemble.weights),
        "left_out": dict(ensemble.left_out),
        "settings": asdict(ensemble.settings),
    }


def _read_header(group: h5py.Group) -> dict[str, Any]:
    header: dict[str, Any] = json.loads(group[HEADER][HEADER].asstr()[()])
    if header["format"] > FORMAT:
        raise InputError(
            f"written by a newer version (layout {header['format']}, this one reads {FORMAT}); "
            "update bayes-scaling"
        )
    return header


def _read_ensemble(file: h5py.File, header: Mapping[str, Any]) -> Posterior:
    groups = {name: file[MEMBERS][stored_name(name)] for name in header[MEMBERS]}
    members = {name: _read(group, _read_header(group)) for name, group in groups.items()}
    hashes = {fit.provenance["runs_hash"] for fit in members.values()}
    if len(hashes) != 1:
        raise InputError("the members were fitted on different runs: fit again")
    return Posterior(
        members=members,
        weights={name: float(header["weights"][name]) for name in members},
        left_out=header["left_out"],
        settings=Settings(**header["settings"]),
    )


def _read(file: h5py.Group, header: Mapping[str, Any]) -> Member:
    fit = Member(
        model=read_model(header["model"]),
        runs=RunTable(
            columns={name: _array(file["runs"][stored_name(name)]) for name in header["columns"]},
            notes=tuple(header["notes"]),
        ),
        draws=_arrays(file["posterior"], header["draws"]),
        steps=_arrays(file[DRIFT], header["steps"]) if header.get("steps") else {},
        stats=_stats(file["sample_stats"]),
        references=header["references"],
        groups=tuple(header["groups"]),
        mixing={name: Mixing(**item) for name, item in header["mixing"].items()},
        checks=tuple(
            Check(**{"sampling": item["name"] in ABOUT_SAMPLING, **item})
            for item in header["checks"]
        ),
        settings=Settings(**header["settings"]),
        provenance=header["provenance"],
        every=header.get("every", 1),
    )
    _check_hashes(fit)
    return fit


def _check_hashes(fit: Member) -> None:
    found = {"model": fit.model.content_hash, "runs": fit.runs.content_hash}
    problems = [
        f"the embedded {name} has changed since the fit (hash {value[:12]}, saved "
        f"{fit.provenance[f'{name}_hash'][:12]}): fit again"
        for name, value in found.items()
        if value != fit.provenance[f"{name}_hash"]
    ]
    if problems:
        raise InputError(problems)


def _stats(group: Any) -> dict[str, NDArray[Any]]:
    """Read the sampler statistics; netCDF has no booleans."""
    stats = {name: _array(item) for name, item in group.items() if item.ndim == 2}
    return {**stats, "diverging": stats["diverging"].astype(bool)}


def _arrays(group: Any, names: list[str]) -> Mapping[str, NDArray[Any]]:
    return {name: _array(group[name]) for name in names}


def _array(variable: Any) -> NDArray[Any]:
    if variable.dtype.kind == "O":
        return np.asarray(variable.asstr()[()], dtype=str)
    return np.asarray(variable[()])
