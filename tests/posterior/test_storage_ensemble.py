"""Saving and loading an ensemble: one file, with the same promises as for a fit."""

from __future__ import annotations

import errno
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import xarray as xr

from bayes_scaling.errors import BayesScalingWarning, InputError
from bayes_scaling.facade import Fit
from bayes_scaling.fitting import ensemble_of, load
from bayes_scaling.posterior import save
from tests.posterior.headers import edit_header
from tests.synthetic import UNCONVERGED, changed, synthetic_ensemble, synthetic_fit

SIZES = {"params": 1e10, "tokens": 2e11, "family": "web"}


@pytest.fixture(scope="module")
def ensemble() -> Fit:
    """Two families, unequal weights, one member left out."""
    found = synthetic_ensemble(families=("web", "code"), weights={"chinchilla": 3, "coupled": 1})
    return replace(found, left_out={"kaplan-nd": "it did not converge (R-hat largest 1.4)"})


@pytest.fixture(scope="module")
def saved(ensemble: Fit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(ensemble, tmp_path_factory.mktemp("saved") / "ensemble.nc")


@pytest.fixture
def copy(saved: Path, tmp_path: Path) -> Path:
    """Return a copy that a test may damage."""
    path = tmp_path / "copy.nc"
    path.write_bytes(saved.read_bytes())
    return path


def test_an_ensemble_comes_back_as_it_was(ensemble: Fit, saved: Path) -> None:
    found = load(saved)
    assert found.averages
    assert list(found.members) == list(ensemble.members)
    assert found.weights == ensemble.weights
    assert found.left_out == ensemble.left_out
    assert found.settings == ensemble.settings
    assert found.checks == ensemble.checks
    assert found.provenance == ensemble.provenance
    assert found.runs.content_hash == ensemble.runs.content_hash
    for name, fit in ensemble.members.items():
        assert found.members[name].model.content_hash == fit.model.content_hash
        for key, values in fit.draws.items():
            np.testing.assert_array_equal(found.members[name].draws[key], values)


def test_a_loaded_ensemble_decides_the_same(ensemble: Fit, saved: Path) -> None:
    found = load(saved)
    one, other = found.forecast(SIZES), ensemble.forecast(SIZES)
    assert one.rows() == other.rows()
    assert one.member_rows() == other.member_rows()
    allocated = found.allocate(flops=1e22, family="code")
    assert allocated.rows() == ensemble.allocate(flops=1e22, family="code").rows()


def test_it_is_one_file_that_xarray_reads(ensemble: Fit, saved: Path) -> None:
    with xr.open_datatree(saved, engine="h5netcdf") as tree:
        tree.load()
    fit = ensemble.members["coupled"]
    np.testing.assert_array_equal(tree["members/coupled/posterior"]["k"], fit.draws["k"])
    assert "log_likelihood" in tree["members/chinchilla"].children
    assert [path.name for path in saved.parent.iterdir()] == ["ensemble.nc"]


def test_a_member_with_an_odd_name_comes_back(tmp_path: Path) -> None:
    fit = synthetic_fit()
    model = replace(fit.model, id="mine/with drift")
    fit = changed(fit, model=model, provenance={**fit.provenance, "model_hash": model.content_hash})
    found = load(ensemble_of([fit, synthetic_fit()]).save(tmp_path / "e.nc"))
    assert list(found.members) == ["mine/with drift", "chinchilla"]


def test_an_unconverged_ensemble_comes_back(tmp_path: Path) -> None:
    checks = {"chinchilla": UNCONVERGED, "coupled": UNCONVERGED}
    found = load(synthetic_ensemble(checks=checks).save(tmp_path / "e.nc"))
    assert found.averages
    assert found.status == "unconverged"


def test_a_failed_save_leaves_the_old_file(
    copy: Path, ensemble: Fit, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = copy.read_bytes()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(InputError, match="no space"):
        save(ensemble, copy)
    assert copy.read_bytes() == before
    assert [path.name for path in copy.parent.iterdir()] == ["copy.nc"]


def test_a_changed_run_table_of_one_member_is_noticed(copy: Path) -> None:
    with h5py.File(copy, "r+") as file:
        file["members/coupled/runs/loss"][4] += 1e-9
    with pytest.raises(InputError, match="embedded runs has changed") as caught:
        load(copy)
    assert str(copy) in str(caught.value)


def test_members_of_different_runs_are_noticed(copy: Path, tmp_path: Path) -> None:
    other = synthetic_ensemble(families=("code", "books")).save(tmp_path / "other.nc")
    with h5py.File(copy, "r+") as file, h5py.File(other, "r") as source:
        del file["members/coupled"]
        source.copy("members/coupled", file["members"])
    with pytest.raises(InputError, match="fitted on different runs"):
        load(copy)


def test_a_changed_model_of_one_member_is_noticed(copy: Path) -> None:
    def widen(header: dict[str, Any]) -> None:
        header["model"]["parameters"]["alpha"]["prior"]["sigma"] = 0.51

    edit_header(copy, widen, at="members/coupled/")
    with pytest.raises(InputError, match="embedded model has changed"):
        load(copy)


@pytest.mark.parametrize("at", ["", "members/coupled/"])
def test_a_newer_layout_asks_for_an_update(at: str, copy: Path) -> None:
    edit_header(copy, lambda header: header.update(format=999), at=at)
    with pytest.raises(InputError, match="newer version"):
        load(copy)


@pytest.mark.parametrize("key", ["weights", "settings", "left_out"])
def test_an_incomplete_header(key: str, copy: Path) -> None:
    edit_header(copy, lambda header: header.pop(key))
    with pytest.raises(InputError, match="not a saved fit"):
        load(copy)


def test_a_missing_member_is_noticed(copy: Path) -> None:
    with h5py.File(copy, "r+") as file:
        del file["members/coupled"]
    with pytest.raises(InputError, match="not a saved fit"):
        load(copy)


def test_a_catalogue_that_has_moved_on_is_a_warning(tmp_path: Path) -> None:
    fit = synthetic_fit()
    moved = changed(fit, provenance={**fit.provenance, "catalogue_hash": "0" * 64})
    path = ensemble_of([moved]).save(tmp_path / "e.nc")
    with pytest.warns(BayesScalingWarning, match=r"chinchilla has changed since e\.nc"):
        load(path)


@pytest.mark.slow
def test_asking_a_saved_ensemble_is_fast_and_needs_no_sampler(saved: Path, checkout: Path) -> None:
    code = (
        "import sys, time; start = time.process_time(); import bayes_scaling as bs\n"
        f"bs.load({str(saved)!r}).forecast({SIZES!r}).rows()\n"
        "print(time.process_time() - start)\n"
        "print(sorted({'pymc', 'arviz', 'pandas', 'xarray', 'nutpie'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=checkout, capture_output=True, text=True, check=True
    )
    seconds, heavy = done.stdout.split("\n")[:2]
    assert float(seconds) < 2
    assert heavy == "[]"
