"""A saved fit can be believed: what was damaged or edited since is refused by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from bayes_scaling.errors import BayesScalingWarning, InputError
from bayes_scaling.fitting import load
from bayes_scaling.posterior import save
from bayes_scaling.posterior.seal import LENGTH
from tests.posterior.headers import edit_header
from tests.synthetic import CONFLICT, changed, synthetic_fit


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two families, notes, and a failed check."""
    fit = synthetic_fit(families=("web", "code"), checks=CONFLICT)
    noted = replace(fit.runs, notes=("tokens were completed by 6ND", "a second note"))
    return save(changed(fit, runs=noted), tmp_path_factory.mktemp("saved") / "fit.nc")


@pytest.fixture
def copy(saved: Path, tmp_path: Path) -> Path:
    """Return a copy that a test may damage."""
    path = tmp_path / "copy.nc"
    path.write_bytes(saved.read_bytes())
    return path


def parts(path: Path) -> dict[str, Any]:
    """Return where the numbers of every array of draws lie in a file, as (start, bytes)."""
    with h5py.File(path) as file:
        group = file["posterior"]
        return {
            name: (group[name].id.get_offset(), group[name].id.get_storage_size())
            for name in group
            if group[name].ndim > 1
        }


def without_line(path: Path) -> bytes:
    """Return the bytes of a file as HDF5 would rewrite them: without the hash behind them."""
    return path.read_bytes()[:-LENGTH]


@pytest.mark.parametrize("line", [True, False])
def test_no_flipped_bit_of_the_draws_is_opened(line: bool, saved: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    content = saved.read_bytes() if line else without_line(saved)
    places = list(parts(saved).values())
    path = tmp_path / "flipped.nc"
    for _ in range(50 if line else 20):
        start, size = places[rng.integers(len(places))]
        flipped = bytearray(content)
        flipped[start + rng.integers(size)] ^= 1 << int(rng.integers(8))
        path.write_bytes(flipped)
        with pytest.raises(InputError, match="damaged" if line else "damaged|changed"):
            load(path)


def test_no_damaged_byte_reaches_hdf5(saved: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    content = saved.read_bytes()
    path = tmp_path / "damaged.nc"
    for place in rng.integers(len(content) - LENGTH, size=100):
        damaged = bytearray(content)
        damaged[place] ^= int(rng.integers(1, 256))
        path.write_bytes(damaged)
        with pytest.raises(InputError, match="its bytes are not those that were saved"):
            load(path)


def halve(file: h5py.File) -> None:
    file["posterior/E"][...] *= 0.5


def put_nan(file: h5py.File) -> None:
    file["posterior/c"][0, 3, :] = np.nan


def soften(file: h5py.File) -> None:
    del file["posterior/c"]
    file["posterior/c"] = h5py.SoftLink("/posterior/m")


def borrow(file: h5py.File) -> None:
    del file["posterior/c"]
    file["posterior/c"] = h5py.ExternalLink("other.nc", "/posterior/c")


def read_elsewhere(file: h5py.File) -> None:
    shape = file["posterior/c"].shape
    del file["posterior/c"]
    file["posterior"].create_dataset(
        "c", shape=shape, dtype="f8", external=[("/etc/hostname", 0, h5py.h5f.UNLIMITED)]
    )


def assemble_elsewhere(file: h5py.File) -> None:
    shape = file["posterior/c"].shape
    layout = h5py.VirtualLayout(shape=shape, dtype="f8")
    layout[...] = h5py.VirtualSource("other.nc", "/posterior/c", shape=shape)
    del file["posterior/c"]
    file["posterior"].create_virtual_dataset("c", layout)


def claim(file: h5py.File) -> None:
    del file["posterior/c"]
    file["posterior"].create_dataset("c", shape=(4, 10**11), dtype="f8", chunks=(1, 1024))


def reshape(file: h5py.File) -> None:
    del file["posterior/c"]
    file["posterior/c"] = np.ones((2, 7))


def write_text(file: h5py.File) -> None:
    shape = file["posterior/c"].shape
    del file["posterior/c"]
    file["posterior/c"] = np.full(shape, b"2.0")


def nest(file: h5py.File) -> None:
    file["posterior/inner"] = file["posterior"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (halve, "have changed since the fit was saved"),
        (put_nan, "draws of 'c' are not all finite"),
        (soften, "'/posterior/c' is a link"),
        (borrow, "'/posterior/c' is a link"),
        (read_elsewhere, "'/posterior/c' takes its numbers from another file"),
        (assemble_elsewhere, "'/posterior/c' takes its numbers from another file"),
        (claim, "'/posterior/c' claims 3,200,000,000,000 bytes"),
        (reshape, "draws of 'c' have the shape 2 x 7"),
        (write_text, "draws of 'c' are not numbers"),
        (nest, "so many groups"),
    ],
)
def test_an_edited_file_is_refused(
    change: Callable[[h5py.File], None], said: str, copy: Path
) -> None:
    with h5py.File(copy, "r+") as file:
        change(file)
    with pytest.raises(InputError, match=said):
        load(copy)


@pytest.mark.parametrize(
    "change",
    [
        lambda header: header["references"].update(params_ref=1.0),
        lambda header: header["settings"].update(random_seed=8),
        lambda header: header["checks"][-1].update(verdict="ok"),
        lambda header: (
            header["mixing"]["alpha[web]"].update(r_hat=1.0)
            if "alpha[web]" in header["mixing"]
            else header["mixing"].clear()
        ),
        lambda header: header["groups"].reverse(),
        lambda header: header.update(every=2),
        lambda header: header["notes"].clear(),
        lambda header: header["provenance"].update(created="yesterday"),
    ],
)
def test_an_edited_header_is_refused(
    change: Callable[[dict[str, Any]], object], copy: Path
) -> None:
    edit_header(copy, change)
    with pytest.raises(InputError, match="have changed since the fit was saved"):
        load(copy)


@pytest.mark.parametrize("text", ["null", "[1]", "7", "{}", '{"format": "3"}', "[" * 100_000, "{"])
def test_a_header_of_something_else_is_refused(text: str, copy: Path) -> None:
    with h5py.File(copy, "r+") as file:
        file["header/header"][()] = text
    with pytest.raises(InputError, match=r"header of a saved fit|not a saved fit"):
        load(copy)


def older(path: Path) -> Path:
    """Make a saved fit one of the layout before content had a hash."""
    edit_header(path, lambda header: header.update(format=2))
    edit_header(path, lambda header: header.pop("seal"))
    return path


def test_a_file_of_this_layout_needs_its_hash(copy: Path) -> None:
    edit_header(copy, lambda header: header.pop("seal"))
    with pytest.raises(InputError, match="not a saved fit"):
        load(copy)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (halve, "of 'E' is not what its draws give|likelihood of 'loss'"),
        (lambda file: file["posterior/alpha"].write_direct(1.01 * file["posterior/alpha"][...]),
         "prior density of 'alpha' is not what its draws give"),
    ],
)  # fmt: skip
def test_an_older_file_is_computed_anew(
    change: Callable[[h5py.File], None], said: str, copy: Path
) -> None:
    with pytest.warns(BayesScalingWarning, match="older version"):
        load(older(copy))
    with h5py.File(copy, "r+") as file:
        change(file)
    with pytest.raises(InputError, match=said):
        load(copy)


def test_an_older_file_cannot_say_that_all_is_well(tmp_path: Path) -> None:
    fit = synthetic_fit()
    apart = {name: replace(item, r_hat=1.2) for name, item in fit.only.mixing.items()}
    path = older(changed(fit, mixing=apart).save(tmp_path / "fit.nc"))
    with pytest.raises(InputError, match="check 'R-hat' says 'ok' where its numbers fail it"):
        load(path)


@pytest.mark.parametrize("name", [
    "draws_const", "draws_nan", "draws_shifted", "dtype_text", "fewer_draws", "hdr_checks_all_ok",
    "hdr_every0", "hdr_list", "hdr_null", "hdr_refs", "huge_dims", "shape_mismatch", "soft_loop",
])  # fmt: skip
def test_hostile_fits_are_refused(name: str, public_data: Callable[[str], Path]) -> None:
    with pytest.raises(InputError):
        load(public_data(f"../cases/hostile/fits/{name}.nc"))
