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
from bayes_scaling.files import check_place, write_or_keep
from bayes_scaling.laws.catalogue import catalogue_hash
from bayes_scaling.laws.read import read_model
from bayes_scaling.posterior.diagnostics import Check, Mixing
from bayes_scaling.posterior.member import Member
from bayes_scaling.posterior.older import check_older
from bayes_scaling.posterior.posterior import MEMBERS, Posterior
from bayes_scaling.posterior.sampler import Settings
from bayes_scaling.posterior.seal import SEAL, check_bytes, check_seal, seal_of, signed
from bayes_scaling.posterior.sound import (
    MOST_HEADER,
    check_header,
    check_member,
    check_objects,
    check_weights,
)
from bayes_scaling.posterior.tree import DRIFT, stored_name
from bayes_scaling.runs import RunTable

if TYPE_CHECKING:
    import h5py

FORMAT = 3
"""Version of the layout. Since 2 a check says whether it is about the sampling; since 3 the content
has a hash, without which a file is not opened."""

SEALED = 3
"""The first layout with that hash."""

ABOUT_SAMPLING = ("R-hat", "effective draws", "divergences", "E-BFMI")
"""Names of the checks that were about it in files of layout 1."""

DAMAGE = (
    OSError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RuntimeError,
    MemoryError,
)
"""What h5py, numpy and the readers of definitions raise for content they do not expect."""

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
        The folder does not exist, or the path is one; or it could not be written, and then the
        message says where the fit is kept instead.
    """
    import xarray as xr

    def header(content: Mapping[str, Any]) -> xr.DataTree:
        return xr.DataTree(xr.Dataset({HEADER: ((), json.dumps(content))}))

    path = check_place(path)
    tree = fit.tree
    if fit.averages:
        tree[HEADER] = header(_ensemble_header(fit))
        for name, member in fit.members.items():
            tree[f"{MEMBERS}/{stored_name(name)}/{HEADER}"] = header(_header(member))
    else:
        tree[HEADER] = header(_header(fit.only))
    content = signed(tree.to_netcdf(engine="h5netcdf"))  # HDF5 crashes on a disk that is full
    write_or_keep(path, content, "the fit")
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
        check_bytes(path)
        with h5py.File(path, "r") as file:
            check_objects(file)
            header = _read_header(file)
            fit = (
                _read_ensemble(file, header)
                if MEMBERS in header
                else Posterior.of_one(_read(file, header))
            )
    except InputError as error:
        raise InputError(error.problems, source=str(path)) from None
    except DAMAGE as error:
        raise InputError(
            "not a saved fit, or a damaged one; of a table of runs 'bayes-scaling fit TABLE -o "
            f"FIT.nc' makes one ({type(error).__name__}: {str(error)[:200]})",
            source=str(path),
        ) from None
    if header["format"] < SEALED:
        warnings.warn(
            f"{path.name} is of an older version, which kept no hash of the draws; what can be "
            "computed anew agrees with them. Settings cannot: fit again to be sure",
            BayesScalingWarning,
            stacklevel=2,
        )
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
    plain = {
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
        "origins": dict(fit.runs.origins),
        "draws": list(fit.draws),
        "steps": list(fit.steps),
        "every": fit.every,
    }
    return plain | {SEAL: _seal(plain, fit)}


def _seal(header: Mapping[str, Any], fit: Member) -> str:
    hashes = {"model": fit.model.content_hash, "runs": fit.runs.content_hash}
    arrays = {"draws": fit.draws, "steps": fit.steps, "stats": fit.stats}
    return seal_of(header, arrays, hashes)


def _ensemble_header(ensemble: Posterior) -> dict[str, Any]:
    plain = {
        "format": FORMAT,
        MEMBERS: list(ensemble.members),
        "weights": dict(ensemble.weights),
        "left_out": dict(ensemble.left_out),
        "settings": asdict(ensemble.settings),
    }
    return plain | {SEAL: seal_of(plain, {}, {})}


def _read_header(group: h5py.Group) -> dict[str, Any]:
    text = group[HEADER][HEADER].asstr()[()]
    if len(text) > MOST_HEADER:
        raise InputError(f"its header has {len(text):,} characters, {MOST_HEADER:,} are read")
    header = check_header(json.loads(text))
    if header["format"] > FORMAT:
        raise InputError(
            f"written by a newer version (layout {header['format']}, this one reads {FORMAT}); "
            "update bayes-scaling"
        )
    return header


def _read_ensemble(file: h5py.File, header: Mapping[str, Any]) -> Posterior:
    groups = {name: file[MEMBERS][stored_name(name)] for name in header[MEMBERS]}
    headers = {name: _read_header(group) for name, group in groups.items()}
    if any(each["format"] != header["format"] for each in headers.values()):
        raise InputError("its members are of another layout than the file: damaged, fit again")
    members = {name: _read(group, headers[name]) for name, group in groups.items()}
    check_weights(header["weights"], list(members))
    hashes = {fit.provenance["runs_hash"] for fit in members.values()}
    if len(hashes) != 1:
        raise InputError("the members were fitted on different runs: fit again")
    found = Posterior(
        members=members,
        weights={name: float(header["weights"][name]) for name in members},
        left_out=header["left_out"],
        settings=Settings(**header["settings"]),
    )
    if header["format"] >= SEALED:
        check_seal(header, seal_of(header, {}, {}))
    return found


def _read(file: h5py.Group, header: Mapping[str, Any]) -> Member:
    fit = Member(
        model=read_model(header["model"]),
        runs=RunTable(
            columns={name: _array(file["runs"][stored_name(name)]) for name in header["columns"]},
            notes=tuple(header["notes"]),
            origins={str(k): str(v) for k, v in header.get("origins", {}).items()},
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
    check_member(fit)
    if header["format"] >= SEALED:
        check_seal(header, _seal(header, fit))
    else:
        check_older(fit, _densities(file, "log_likelihood"), _densities(file, "log_prior"))
    return fit


def _densities(file: h5py.Group, name: str) -> dict[str, NDArray[Any]]:
    return {key: _array(item) for key, item in file[name].items()} if name in file else {}


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
