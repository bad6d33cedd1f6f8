from __future__ import annotations

import errno
import hashlib
from pathlib import Path

import pytest

from bayes_scaling.datasets.public import PublicFile, fetch
from bayes_scaling.errors import InputError
from bayes_scaling.files import CACHE_VARIABLE, cache_folder

CONTENT = b"a,b\n1,2\n"
HASH = hashlib.sha256(CONTENT).hexdigest()
NOWHERE = PublicFile(filename="table.csv", url="file:///no/such/table.csv", sha256=HASH)


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "mirror"
    folder.mkdir()
    monkeypatch.setenv("BAYES_SCALING_MIRROR", str(folder))
    return folder


@pytest.fixture
def no_mirror(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BAYES_SCALING_MIRROR", raising=False)


def test_a_file_comes_from_the_mirror_and_stays_in_the_cache(tmp_path: Path, mirror: Path) -> None:
    (mirror / "table.csv").write_bytes(CONTENT)
    path = fetch(NOWHERE, cache_dir=tmp_path / "cache")
    assert path.read_bytes() == CONTENT
    (mirror / "table.csv").unlink()
    assert fetch(NOWHERE, cache_dir=tmp_path / "cache") == path
    assert [entry.name for entry in (tmp_path / "cache").iterdir()] == ["table.csv"]


def test_a_mirror_may_be_an_address(
    tmp_path: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (mirror / "table.csv").write_bytes(CONTENT)
    monkeypatch.setenv("BAYES_SCALING_MIRROR", mirror.as_uri() + "/")
    assert fetch(NOWHERE, cache_dir=tmp_path / "cache").read_bytes() == CONTENT


def test_a_cache_on_a_full_disk_says_how_to_have_another(
    tmp_path: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    (mirror / "table.csv").write_bytes(CONTENT)
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(InputError, match=f"No space left on device; .* in {CACHE_VARIABLE}"):
        fetch(NOWHERE, cache_dir=tmp_path / "cache")


def test_another_content_is_refused_with_both_hashes(tmp_path: Path, mirror: Path) -> None:
    (mirror / "table.csv").write_bytes(b"changed")
    found = hashlib.sha256(b"changed").hexdigest()
    with pytest.raises(InputError, match=f"has sha256 {found}; expected {HASH}"):
        fetch(NOWHERE, cache_dir=tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_a_damaged_cache_says_to_delete_the_file(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_bytes(CONTENT[:-1])
    with pytest.raises(InputError, match="delete it to fetch it again"):
        fetch(NOWHERE, cache_dir=tmp_path)


def test_a_mirror_without_the_file_is_named(tmp_path: Path, mirror: Path) -> None:
    with pytest.raises(InputError, match=r"which holds no table\.csv"):
        fetch(NOWHERE, cache_dir=tmp_path / "cache")


@pytest.mark.usefixtures("no_mirror")
def test_without_a_network_the_error_says_where_to_put_the_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be fetched") as caught:
        fetch(NOWHERE, cache_dir=tmp_path)
    text = str(caught.value)
    assert str(tmp_path / "table.csv") in text
    assert HASH in text
    assert "BAYES_SCALING_MIRROR" in text


def test_cache_folder_follows_the_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BAYES_SCALING_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert cache_folder() == Path("/x/bayes-scaling")
    monkeypatch.setenv("BAYES_SCALING_CACHE", "/own")
    assert cache_folder() == Path("/own")
    assert cache_folder("/given") == Path("/given")
