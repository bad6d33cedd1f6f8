"""Saving and loading: exact, whole or not at all, and with clear errors for anything else."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import xarray as xr

from bayes_scaling.errors import BayesScalingWarning, InputError
from bayes_scaling.facade import Fit
from bayes_scaling.files import replacing
from bayes_scaling.fitting import load
from bayes_scaling.posterior import Check, save
from bayes_scaling.posterior.seal import LENGTH
from bayes_scaling.runs import RunTable
from tests.synthetic import CONFLICT, UNCONVERGED, changed, load_fit, synthetic_fit

EXTRA = {"corpus": "c4 / naïve", "schedule": "", "dropout": 0.1, "a long name, with 1 comma": 2.0}
"""Columns that ride along: text beyond ASCII, empty text, numbers, an odd name."""


@pytest.fixture(scope="module")
def grouped() -> Fit:
    """Two families, text and gaps in the table, notes, a failed check."""
    fit = synthetic_fit(families=("web", "code"), extra=EXTRA, checks=CONFLICT)
    columns = dict(fit.runs.columns)
    columns["dropout"] = np.where(np.arange(len(fit.runs)) % 3, columns["dropout"], np.nan)
    runs = RunTable(columns=columns, notes=("tokens were completed by 6ND", "a second note"))
    return changed(fit, runs=runs, provenance={**fit.provenance, "runs_hash": runs.content_hash})


@pytest.fixture(scope="module")
def saved(grouped: Fit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(grouped, tmp_path_factory.mktemp("saved") / "fit.nc")


@pytest.fixture
def copy(saved: Path, tmp_path: Path) -> Path:
    """Return a copy that a test may damage."""
    path = tmp_path / "copy.nc"
    path.write_bytes(saved.read_bytes())
    return path


def edit_header(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    with h5py.File(path, "r+") as file:
        header = json.loads(file["header/header"].asstr()[()])
        change(header)
        file["header/header"][()] = json.dumps(header)


# ---- there and back ------------------------------------------------------------------------------


def test_a_fit_comes_back_as_it_was(grouped: Fit, saved: Path) -> None:
    found = load_fit(saved)
    assert found.model.content_hash == grouped.model.content_hash
    assert found.model.title == grouped.model.title
    assert list(found.draws) == list(grouped.draws)
    for name, values in grouped.draws.items():
        assert found.draws[name].dtype == np.float64
        np.testing.assert_array_equal(found.draws[name], values)
    assert set(found.stats) == set(grouped.stats)
    for name, values in grouped.stats.items():
        np.testing.assert_array_equal(found.stats[name], values)
    assert found.references == grouped.references
    assert found.groups == grouped.groups == ("code", "web")
    assert found.mixing == grouped.mixing
    assert found.checks == grouped.checks
    assert found.settings == grouped.settings
    assert found.provenance == grouped.provenance


def test_the_run_table_comes_back_as_it_was(grouped: Fit, saved: Path) -> None:
    found = load(saved).runs
    assert list(found.columns) == list(grouped.runs.columns)
    for name, values in grouped.runs.columns.items():
        assert found[name].dtype.kind == values.dtype.kind
        np.testing.assert_array_equal(found[name], values)
    assert found.content_hash == grouped.runs.content_hash
    assert found.notes == grouped.runs.notes


def test_a_loaded_fit_decides_the_same(grouped: Fit, saved: Path) -> None:
    found = load_fit(saved)
    sizes = {"params": 1e10, "tokens": 2e11, "family": "web"}
    assert found.forecast(sizes).rows() == grouped.forecast(sizes).rows()
    allocated = found.allocate(flops=1e22, family="code").rows()
    assert allocated == grouped.allocate(flops=1e22, family="code").rows()


def test_a_real_fit_comes_back_and_is_saved_the_same_again(fitted: Fit, tmp_path: Path) -> None:
    found = load_fit(fitted.save(tmp_path / "one.nc"))
    again = load_fit(found.save(str(tmp_path / "two.nc")))
    for fit in (found, again):
        assert all(np.array_equal(fit.draws[name], fitted.draws[name]) for name in fitted.draws)
        assert all(  # or sums over draws round otherwise
            fit.draws[name].strides == fitted.draws[name].strides for name in fitted.draws
        )
        assert fit.provenance == fitted.provenance
        assert fit.checks == fitted.checks
        assert set(fit.stats) == set(fitted.stats)


@pytest.mark.parametrize(
    "model", ["chinchilla-lr", "coupled", "kaplan-c", "kaplan-d", "kaplan-n", "kaplan-nd"]
)
def test_every_shipped_model_comes_back(model: str, tmp_path: Path) -> None:
    fit = synthetic_fit(model)
    found = load_fit(fit.save(tmp_path / "fit.nc"))
    assert found.model.to_dict() == fit.model.to_dict()


def test_a_model_with_other_priors_comes_back(tmp_path: Path) -> None:
    fit = synthetic_fit()
    prior = {"dist": "LogNormal", "mu": -1.0, "sigma": 0.25}
    model = fit.model.with_priors({"alpha": prior})
    fit = changed(fit, model=model, provenance={**fit.provenance, "model_hash": model.content_hash})
    found = load_fit(fit.save(tmp_path / "fit.nc"))
    assert found.model.parameter("alpha").prior.to_dict() == prior


def test_xarray_and_arviz_read_the_file(grouped: Fit, saved: Path) -> None:
    with xr.open_datatree(saved, engine="h5netcdf") as tree:
        tree.load()
    np.testing.assert_array_equal(tree["posterior"]["E"], grouped.draws["E"])
    assert tree["posterior"]["E"].dims == ("chain", "draw", "family")
    assert np.array_equal(tree["runs"]["corpus"], grouped.runs["corpus"])
    assert {"log_likelihood", "log_prior", "sample_stats", "observed_data"} <= set(tree.children)


# ---- whole or not at all -------------------------------------------------------------------------


FULL = OSError(errno.ENOSPC, "no space left on device")


def full(*_: object, **__: object) -> None:
    """Stand in for what writes to a disk that is full."""
    raise FULL


@pytest.mark.parametrize("step", ["pathlib.Path.write_bytes", "os.replace"])
def test_a_failed_save_leaves_the_old_file_and_nothing_else(
    step: str, copy: Path, grouped: Fit, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = copy.read_bytes()
    monkeypatch.setattr(step, full)
    with pytest.raises(InputError, match="no space left on device; no other place had room"):
        save(grouped, copy)
    assert copy.read_bytes() == before
    assert [path.name for path in copy.parent.iterdir()] == ["copy.nc"]


def test_what_a_disk_has_no_room_for_is_kept_elsewhere_and_named(
    grouped: Fit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(other))
    here, write = tmp_path / "here", Path.write_bytes
    here.mkdir()
    monkeypatch.setattr(
        Path,
        "write_bytes",
        lambda path, content: full() if path.parent == here else write(path, content),
    )
    with pytest.raises(InputError, match="the fit is kept in") as caught:
        save(grouped, here / "fit.nc")
    (kept,) = other.iterdir()
    assert str(kept) in str(caught.value)
    assert not list(here.iterdir())
    assert load(kept).groups == grouped.groups


def test_what_a_killed_save_left_goes_with_the_next(grouped: Fit, tmp_path: Path) -> None:
    left = tmp_path / ".fit.nc.0123abcd"
    left.write_bytes(b"half of a file")
    (tmp_path / ".fit.nc.notes").write_text("of the user")
    with replacing(tmp_path / "fit.nc") as written:
        save(grouped, tmp_path / "fit.nc")
        assert written.exists()  # another program is writing it
        written.write_bytes((tmp_path / "fit.nc").read_bytes())
    assert sorted(path.name for path in tmp_path.iterdir()) == [".fit.nc.notes", "fit.nc"]


def test_saving_replaces_what_was_there(tmp_path: Path, grouped: Fit) -> None:
    path = tmp_path / "fit.nc"
    path.write_text("an older file")
    assert save(grouped, path) == path
    assert load(path).groups == grouped.groups
    assert [item.name for item in tmp_path.iterdir()] == ["fit.nc"]


def test_a_folder_must_be_there(grouped: Fit, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no folder .*nowhere"):
        save(grouped, tmp_path / "nowhere" / "fit.nc")


# ---- what cannot be loaded -----------------------------------------------------------------------


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no saved fit"):
        load(tmp_path / "fit.nc")
    with pytest.raises(InputError, match="no saved fit"):
        load(tmp_path)


def test_other_files_are_not_saved_fits(tmp_path: Path) -> None:
    path = tmp_path / "fit.nc"
    for content in (b"", b"params,tokens,loss\n1,2,3\n"):
        path.write_bytes(content)
        with pytest.raises(InputError, match="not a saved fit") as caught:
            load(path)
        assert str(path) in str(caught.value)
    xr.Dataset({"x": ("row", [1.0, 2.0])}).to_netcdf(path, engine="h5netcdf")
    with pytest.raises(InputError, match="not a saved fit"):
        load(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file(share: float, copy: Path) -> None:
    content = copy.read_bytes()
    copy.write_bytes(content[: int(share * len(content))])
    with pytest.raises(InputError, match="not a saved fit"):
        load(copy)


@pytest.mark.parametrize("column", ["loss", "dropout"])
def test_a_changed_run_table_is_noticed(column: str, copy: Path) -> None:
    with h5py.File(copy, "r+") as file:
        file["runs"][column][4] += 1e-9
    with pytest.raises(InputError, match="embedded runs has changed") as caught:
        load(copy)
    assert str(copy) in str(caught.value)


def test_a_changed_text_is_noticed(copy: Path) -> None:
    with h5py.File(copy, "r+") as file:
        file["runs"]["corpus"][2] = "c5"
    with pytest.raises(InputError, match="embedded runs has changed"):
        load(copy)


def test_a_changed_model_is_noticed(copy: Path) -> None:
    def widen(header: dict[str, Any]) -> None:
        header["model"]["parameters"]["alpha"]["prior"]["sigma"] = 0.51

    edit_header(copy, widen)
    with pytest.raises(InputError, match="embedded model has changed"):
        load(copy)


def test_explanations_may_change(copy: Path) -> None:
    edit_header(copy, lambda header: header["model"].update(title="Another title"))
    assert load_fit(copy).model.title == "Another title"


def test_a_newer_layout_asks_for_an_update(copy: Path) -> None:
    edit_header(copy, lambda header: header.update(format=999, unheard_of=1))
    with pytest.raises(InputError, match="newer version") as caught:
        load(copy)
    assert "not a saved fit" not in str(caught.value)


@pytest.mark.parametrize(
    ("checks", "status"), [(UNCONVERGED, "unconverged"), (CONFLICT, "converged")]
)
def test_a_fit_of_layout_1_keeps_its_status(
    checks: tuple[Check, ...], status: str, tmp_path: Path
) -> None:
    path = synthetic_fit(checks=checks).save(tmp_path / "fit.nc")

    def older(header: dict[str, Any]) -> None:
        header["format"] = 1
        del header["seal"]
        for check in header["checks"]:
            del check["sampling"]

    edit_header(path, older)
    with pytest.warns(BayesScalingWarning, match="older version, which kept no hash"):
        found = load_fit(path)
    assert found.status == status
    assert found.checks == checks


@pytest.mark.parametrize("key", ["model", "draws", "settings", "provenance"])
def test_an_incomplete_header(key: str, copy: Path) -> None:
    edit_header(copy, lambda header: header.pop(key))
    with pytest.raises(InputError, match="not a saved fit"):
        load(copy)


def test_a_column_with_a_slash_in_its_name_comes_back(tmp_path: Path) -> None:
    fit = synthetic_fit(extra={"eval/loss": 2.0, "eval/corpus": "c4"})
    found = load_fit(fit.save(tmp_path / "fit.nc"))
    assert found.runs.content_hash == fit.runs.content_hash


def test_a_folder_is_not_a_file_to_save_to(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="folder"):
        save(synthetic_fit(), tmp_path)


def test_divergences_come_back_as_bool(tmp_path: Path) -> None:
    assert load_fit(synthetic_fit().save(tmp_path / "fit.nc")).stats["diverging"].dtype == bool


def test_a_catalogue_that_has_moved_on_is_a_warning(tmp_path: Path) -> None:
    fit = synthetic_fit()
    moved = changed(fit, provenance={**fit.provenance, "catalogue_hash": "0" * 64})
    path = moved.save(tmp_path / "fit.nc")
    with pytest.warns(BayesScalingWarning, match=r"chinchilla has changed since fit\.nc"):
        assert load_fit(path).model == fit.model
    same = changed(fit, provenance={**fit.provenance, "catalogue_hash": fit.model.content_hash})
    load(same.save(tmp_path / "same.nc"))


# ---- a saved fit can be believed -----------------------------------------------------------------


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
