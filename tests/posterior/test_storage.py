"""Saving and loading: exact, whole or not at all, and with clear errors for anything else."""

from __future__ import annotations

import errno
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
from bayes_scaling.runs import RunTable
from tests.posterior.headers import edit_header
from tests.synthetic import CONFLICT, UNCONVERGED, changed, load_fit, synthetic_fit

EXTRA = {"corpus": "c4 / naïve", "schedule": "", "dropout": 0.1, "a long name, with 1 comma": 2.0}
"""Columns that ride along: text beyond ASCII, empty text, numbers, an odd name."""


@pytest.fixture(scope="module")
def grouped() -> Fit:
    """Two families, text and gaps in the table, notes, a failed check."""
    fit = synthetic_fit(families=("web", "code"), extra=EXTRA, checks=CONFLICT)
    columns = dict(fit.runs.columns)
    columns["dropout"] = np.where(np.arange(len(fit.runs)) % 3, columns["dropout"], np.nan)
    runs = RunTable(
        columns=columns,
        notes=("tokens were completed by 6ND", "a second note"),
        origins={"loss": "'bits_per_character'"},
    )
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
    assert found.origins == {"loss": "'bits_per_character'"}


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
    monkeypatch.setattr("os.posix_fallocate", full, raising=False)  # the disk is full already
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
