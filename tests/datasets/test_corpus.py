from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from bayes_scaling.datasets.nano_lm.corpus import (
    SOURCES,
    Source,
    deduplicate,
    fetch_sources,
    fresh_blocks,
    is_validation,
    split_blocks,
)
from bayes_scaling.errors import InputError


def directories(*, validation: bool, count: int) -> list[str]:
    named = (f"package/part{i}" for i in range(10_000))
    chosen = [name for name in named if is_validation(name) is validation]
    return chosen[:count]


def test_blocks_are_the_lines_between_blank_lines() -> None:
    text = b"import os\r\n\r\n\n  \nclass A:\n    x = 1\n\n    y = 2\n\n\n"
    assert split_blocks(text) == [b"import os", b"class A:\n    x = 1", b"    y = 2"]


def test_a_file_of_blanks_has_no_blocks() -> None:
    assert split_blocks(b"\n \n\n") == []


def test_repeated_blocks_are_dropped_whatever_their_indentation() -> None:
    seen: set[bytes] = set()
    assert fresh_blocks([b"a = 1", b"b = 2", b"    a = 1"], seen) == [b"a = 1", b"b = 2"]
    assert fresh_blocks([b"b = 2"], seen) == []


def test_about_three_directories_in_a_hundred_are_validation() -> None:
    share = sum(is_validation(f"a/b{i}") for i in range(10_000)) / 10_000
    assert share == pytest.approx(0.03, abs=0.006)


def test_no_training_block_repeats_a_validation_block() -> None:
    (held,), (kept, other) = (
        directories(validation=True, count=1),
        directories(validation=False, count=2),
    )
    shared = b"def shared():\n    return 1"
    train, validation = deduplicate(
        [
            (f"{kept}/a.py", b"x = 1\n\n" + shared),
            (f"{other}/b.py", b"x = 1\n\ny = 2\n"),
            (f"{held}/c.py", shared + b"\n\nz = 3\n"),
        ]
    )
    assert validation == shared + b"\n\nz = 3\n\0"
    assert train == b"x = 1\n\0y = 2\n\0"


def test_the_order_of_the_files_does_not_matter() -> None:
    names = directories(validation=False, count=3) + directories(validation=True, count=1)
    files = [(f"{name}/m.py", f"v = {i}\n\nw = 0\n".encode()) for i, name in enumerate(names)]
    assert deduplicate(files) == deduplicate(files[::-1])


def test_every_source_is_pinned_by_hash() -> None:
    assert all(len(source.sha256) == 64 for source in SOURCES)
    assert all(source.filename == f"{source.name}-{source.version}.tar.gz" for source in SOURCES)


def test_an_archive_with_another_hash_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thing-1.tar.gz").write_bytes(b"something else")
    source = Source(
        name="thing", version="1", filename="thing-1.tar.gz", sha256="0" * 64, licence="MIT"
    )
    found = hashlib.sha256(b"something else").hexdigest()
    with pytest.raises(InputError, match=f"thing-1.tar.gz has sha256 {found}.*{'0' * 64}"):
        fetch_sources(tmp_path, (source,))
