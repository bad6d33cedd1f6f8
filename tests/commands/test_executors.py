"""The option ``--executor``: what it names, lost workers, results equal to those of one process."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.commands.executors import Jobs, executor_of
from bayes_scaling.errors import InputError
from bayes_scaling.laws.nominal import unobserved
from bayes_scaling.posterior.sampler import Settings
from bayes_scaling.validation.calibration import Simulation, default_sizes, recover, simulate
from bayes_scaling.validation.tasks import Executor, run_tasks
from tests.command_line import call


def fit_after_a_death(given: tuple[Simulation, Path]) -> tuple[dict[str, float], bool]:
    """Fit a simulation; kill the worker that comes first, in the middle of others' work."""
    simulation, path = given
    try:
        path.touch(exist_ok=False)
    except FileExistsError:
        return recover(simulation)
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


@contextmanager
def dask(_: str) -> Iterator[Executor | None]:
    cluster = pytest.importorskip("distributed").LocalCluster(n_workers=2, dashboard_address=None)
    with cluster, executor_of(cluster.scheduler_address.replace("tcp", "dask")) as executor:
        yield executor


@contextmanager
def jobs(folder: str) -> Iterator[Executor | None]:
    submitit = pytest.importorskip("submitit")
    executor = submitit.AutoExecutor(folder=folder, cluster="local")
    yield Jobs(executor, submitit.core.utils.UncompletedJobError)


@contextmanager
def loky(_: str) -> Iterator[Executor | None]:
    pytest.importorskip("loky")
    with executor_of("loky:2") as executor:
        yield executor


@contextmanager
def pool(_: str) -> Iterator[Executor | None]:
    with executor_of("pool:2") as executor:
        yield executor


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of packages that lose a worker
@pytest.mark.parametrize("kind", [pool, loky, dask, jobs])
def test_a_worker_that_is_killed_changes_no_number(kind: object, tmp_path: Path) -> None:
    law = bs.load_model("kaplan-d")
    settings = Settings(draws=50, tune=50, chains=2, random_seed=3)
    made = simulate(law, unobserved(law, default_sizes(law)), 4, settings)
    items = [(simulation, tmp_path / "mark") for simulation in made]
    with kind(str(tmp_path / "jobs")) as executor:  # type: ignore[operator]
        found = run_tasks(fit_after_a_death, items, executor)
    assert (tmp_path / "mark").exists()
    assert found == [recover(simulation) for simulation in made]


@pytest.mark.slow
def test_a_calibration_in_two_processes_is_that_of_one() -> None:
    settings = {"simulations": 10, "draws": 50, "tune": 100, "chains": 2, "random_seed": 3}
    wanted = bs.calibrate("kaplan-d", **settings)  # type: ignore[arg-type]
    with executor_of("pool:2") as executor:
        found = bs.calibrate("kaplan-d", executor=executor, **settings)  # type: ignore[arg-type]
    assert found.rows() == wanted.rows()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of packages that start processes
@pytest.mark.parametrize("kind", [pool, loky, dask, jobs])
def test_a_comparison_elsewhere_is_that_of_here(kind: object, tmp_path: Path) -> None:
    tokens = np.geomspace(1e8, 1e10, 12)
    loss = (1.5 + (tokens / 1e8) ** -0.3) * (1 + 0.003 * np.sin(np.arange(12)))
    runs = bs.RunTable.from_columns({"tokens": tokens, "loss": loss})
    settings = {"draws": 50, "tune": 50, "chains": 2, "random_seed": 3}
    laws = ["kaplan-d", "saturating-m2"]
    wanted = bs.compare(runs, laws, **settings)  # type: ignore[arg-type]
    with kind(str(tmp_path)) as executor:  # type: ignore[operator]
        found = bs.compare(runs, laws, executor=executor, **settings)  # type: ignore[arg-type]
    assert found.to_dict() == wanted.to_dict()
    for name, one in wanted.fits.items():
        for parameter, draws in one.flat.items():
            np.testing.assert_array_equal(found.fits[name].flat[parameter], draws)


def test_without_a_text_work_is_done_here() -> None:
    with executor_of(None) as executor:
        assert executor is None


@pytest.mark.parametrize("text", ["", "4", "pool", "pool:", "dask://", "slurm:", "k8s:4"])
def test_a_text_that_names_no_executor_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="must be pool:4, loky:4, dask"):
        executor_of(text)


@pytest.mark.parametrize("text", ["pool:0", "pool:-1", "pool:two", "loky:2.5", "pool:9999"])
def test_a_number_of_processes_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="takes 1 to 1024 processes"):
        executor_of(text)


@pytest.mark.parametrize(
    ("text", "package", "extra"),
    [
        ("loky:2", "loky", "loky"),
        ("dask://host:8786", "distributed", "dask"),
        ("slurm:gpu", "submitit", "slurm"),
    ],
)
def test_a_package_that_is_missing_is_named(
    text: str, package: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with (
        pytest.raises(
            InputError, match=rf"needs {package}: pip install 'bayes-scaling\[{extra}\]'"
        ),
        executor_of(text),
    ):
        pass


def test_a_command_refuses_before_it_fits() -> None:
    found = call("calibrate", "-m", "chinchilla", "--executor", "pool:none")
    assert (found.code, found.out) == (1, "")
    assert "takes 1 to 1024 processes; got 'none'" in found.err
