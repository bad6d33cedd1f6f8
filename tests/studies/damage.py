"""Saved fits that were damaged or edited: refused, or opened with the answers they had."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from bayes_scaling.posterior.seal import LENGTH, signed
from tests.hostile import End, command
from tests.posterior.headers import edit_header
from tests.spoiled import BYTES, pick
from tests.synthetic import synthetic_ensemble, synthetic_fit

ASKED = ("--params", "7e9", "--tokens", "1.4e11", "--json")

Rng = np.random.Generator


def _draws(path: Path, rng: Rng, change: Callable[[Any, Rng], Any]) -> None:
    """Change the draws of a parameter by way of HDF5."""
    with h5py.File(path, "r+") as file:
        group = _posterior(file, rng)
        name = pick(rng, [name for name in group if group[name].ndim > 1])
        group[name][...] = change(group[name][...], rng)


def _posterior(file: h5py.File, rng: Rng) -> h5py.Group:
    if "posterior" in file:
        return file["posterior"]
    return file["members"][pick(rng, list(file["members"]))]["posterior"]


def _one(values: Any, rng: Rng) -> Any:
    values.flat[int(rng.integers(values.size))] *= 1.5
    return values


def _swapped(path: Path, rng: Rng) -> None:
    with h5py.File(path, "r+") as file:
        group = _posterior(file, rng)
        names = [name for name in group if group[name].ndim > 1]
        one, other = rng.choice(len(names), 2, replace=False)
        first, second = (group[names[place]][...] for place in (one, other))
        if first.shape == second.shape:
            group[names[one]][...], group[names[other]][...] = second, first


def _linked(path: Path, rng: Rng) -> None:
    with h5py.File(path, "r+") as file:
        group = _posterior(file, rng)
        name, other = rng.choice([name for name in group if group[name].ndim > 1], 2, replace=False)
        shape = group[name].shape
        del group[name]
        match int(rng.integers(4)):
            case 0:
                group[name] = h5py.SoftLink(group[other].name)
            case 1:
                group[name] = h5py.ExternalLink("other.nc", f"/posterior/{name}")
            case 2:
                group[name] = group[other]
            case _:
                outside = [("/etc/hostname", 0, h5py.h5f.UNLIMITED)]
                group.create_dataset(name, shape=shape, dtype="f8", external=outside)


def _missing(path: Path, rng: Rng) -> None:
    with h5py.File(path, "r+") as file:
        group = file if rng.integers(2) else _posterior(file, rng)
        del group[pick(rng, list(group))]


def _header(path: Path, rng: Rng) -> None:
    def change(header: dict[str, Any]) -> None:
        name = pick(rng, list(header))
        match header[name]:
            case dict() as table if table and rng.integers(2):
                table[pick(rng, list(table))] = pick(rng, (0, None, 1e9, "x", [], {}))
            case _:
                header[name] = pick(rng, (0, None, 1e9, "x", [], {}, -1, "9" * 400))

    with h5py.File(path) as file:
        places = ["header/header", *[f"members/{name}/header/header" for name in
                                     file.get("members", {})]]  # fmt: skip
        at = pick(rng, [place for place in places if place in file])
    edit_header(path, change, at=at.removesuffix("header/header"))


HDF5: dict[str, Callable[[Path, Rng], None]] = {
    "draws halved": lambda path, rng: _draws(path, rng, lambda values, _: values / 2),
    "draws nan": lambda path, rng: _draws(path, rng, lambda values, _: values * np.nan),
    "one draw": lambda path, rng: _draws(path, rng, _one),
    "draws reversed": lambda path, rng: _draws(path, rng, lambda values, _: values[..., ::-1]),
    "arrays swapped": _swapped,
    "link": _linked,
    "part missing": _missing,
    "header edited": _header,
}
"""Edits by a program that knows HDF5; it drops the hash behind the file, or keeps it anew."""


def ends(folder: Path, rng: Rng, count: int) -> Iterator[End]:
    """Damage saved fits, of one law and of an average, and ask each."""
    whole = [
        synthetic_fit(draws=50).save(folder / "one.nc"),
        synthetic_fit("coupled-drift", draws=50).save(folder / "drift.nc"),
        synthetic_ensemble(draws=50).save(folder / "two.nc"),
    ]
    (folder / "other.nc").write_bytes(whole[0].read_bytes())
    right = {path: command("forecast", path, *ASKED) for path in whole}
    assert all(end.code == 0 for end in right.values()), right
    ways = [
        *HDF5,
        *[each.__name__ for each in BYTES],
        *[f"{each.__name__}, no hash" for each in BYTES],
    ]
    named = {each.__name__: each for each in BYTES}
    for number in range(count):
        source, way = whole[number % len(whole)], ways[number % len(ways)]
        path = folder / "damaged.nc"
        path.write_bytes(source.read_bytes())
        if way in HDF5:
            HDF5[way](path, rng)
            if rng.integers(2):
                content = path.read_bytes()
                path.write_bytes(signed(content))
        else:
            bare = way.endswith("no hash")
            content = source.read_bytes()[: -LENGTH if bare else None]
            path.write_bytes(named[way.removesuffix(", no hash")](content, rng))
        same = path.read_bytes() == source.read_bytes()
        end = command("forecast", path, *ASKED, name=f"{number} {source.name} {way}")
        opened = end.code != 1 and not same
        if opened and end.out != right[source].out and "note:" not in end.said:
            end = replace(end, code=72, said=f"opened, and another answer: {end.said}")
        yield replace(end, name=f"{end.name} (opened equal)") if opened else end
