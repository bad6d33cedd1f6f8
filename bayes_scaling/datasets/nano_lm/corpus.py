"""The text nano-lm trains on: Python source of three pinned source distributions.

The archives come through pip with their hashes checked. Text is split into blocks at blank lines
and a block seen before is dropped, validation first, so no training block repeats a validation
block. Train and validation are split by directory. Losses are shipped, never the text.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bayes_scaling.files import cache_folder
from bayes_scaling.errors import InputError
from bayes_scaling.files import replacing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CORPUS_NAME = "python-source"
VOCABULARY = 256
"""Bytes: every value of one byte is a token."""
VALIDATION_PER_MILLE = 30
"""Directories sent to validation, of each thousand, by the hash of their path."""
FILE_END = b"\0"
"""Written after each file, so that a model can tell where one begins."""

_BLANK = re.compile(rb"\n(?:[ \t]*\n)+")


@dataclass(frozen=True, kw_only=True)
class Source:
    """One pinned source distribution.

    Parameters
    ----------
    name, version : str
        As pip knows them.
    filename : str
        Name of the archive.
    sha256 : str
        Hash of the archive.
    licence : str
        SPDX identifier of its licence.
    """

    name: str
    version: str
    filename: str
    sha256: str
    licence: str


SOURCES = (
    Source(
        name="django",
        version="6.1.3",
        filename="django-6.1.3.tar.gz",
        sha256="b5d2d9e35295065d13b1927b3f19a59bd119f737aa6299def14ccca1ae3c8c0d",
        licence="BSD-3-Clause",
    ),
    Source(
        name="sympy",
        version="1.14.0",
        filename="sympy-1.14.0.tar.gz",
        sha256="d3d3fe8df1e5a0b42f0e7bdf50541697dbe7d23746e894990c030e2b05e72517",
        licence="BSD-3-Clause",
    ),
    Source(
        name="transformers",
        version="5.23.0",
        filename="transformers-5.23.0.tar.gz",
        sha256="19d647a4d5d903a7c644ca5cde2d86efc3dde7d8c687ae7988806ff2205efa71",
        licence="Apache-2.0",
    ),
)


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """Training and validation text as bytes.

    Parameters
    ----------
    train, validation : ndarray of uint8, shape (bytes,)
        The two texts; `train` is memory-mapped.
    """

    train: NDArray[np.uint8]
    validation: NDArray[np.uint8]


def corpus_cache(cache_dir: str | Path | None = None) -> Path:
    """Folder of archives and prepared text: the argument, or the user's cache folder."""
    return Path(cache_dir) if cache_dir is not None else cache_folder() / "nano-lm"


def split_blocks(text: bytes) -> list[bytes]:
    """Blocks of a file: the runs of lines between blank lines, without trailing blanks."""
    text = text.replace(b"\r\n", b"\n").replace(FILE_END, b"")
    return [block.rstrip() for block in _BLANK.split(text.strip(b"\n")) if block.strip()]


def fresh_blocks(blocks: list[bytes], seen: set[bytes]) -> list[bytes]:
    """Blocks not in `seen`, which is extended; indentation does not make a block new."""
    kept = []
    for block in blocks:
        key = hashlib.blake2b(block.strip(), digest_size=12).digest()
        if key not in seen:
            seen.add(key)
            kept.append(block)
    return kept


def is_validation(directory: str) -> bool:
    """Whether the files of a directory belong to validation, by the hash of its path."""
    digest = hashlib.sha256(directory.encode()).digest()
    return int.from_bytes(digest[:8], "big") % 1000 < VALIDATION_PER_MILLE


def deduplicate(files: list[tuple[str, bytes]]) -> tuple[bytes, bytes]:
    """Training and validation text of (path, text) pairs, without repeated blocks.

    Parameters
    ----------
    files : list of (str, bytes)
        Path with `/`, and content.

    Returns
    -------
    train, validation : bytes
        Files in order of path, blocks joined by one blank line, each file ended by a zero byte.
    """
    ordered = sorted(files)
    seen: set[bytes] = set()
    texts = {}
    for validation in (True, False):  # validation first: its blocks are barred from training
        parts = []
        for path, text in ordered:
            if is_validation(path.rpartition("/")[0]) is validation:
                kept = fresh_blocks(split_blocks(text), seen)
                if kept:
                    parts.append(b"\n\n".join(kept) + b"\n" + FILE_END)
        texts[validation] = b"".join(parts)
    return texts[False], texts[True]


def load_corpus(cache_dir: str | Path | None = None) -> Corpus:
    """Training and validation text, prepared on the first call and read from the cache after.

    Parameters
    ----------
    cache_dir : path, optional
        Where archives and text are kept; see `corpus_cache`.

    Raises
    ------
    InputError
        pip cannot fetch an archive, or its hash differs from the pinned one.
    """
    import numpy as np

    folder = corpus_cache(cache_dir)
    made = folder / f"text-{_recipe()[:16]}"
    if not (made / "done.json").exists():
        _prepare(folder, made)
    return Corpus(
        train=np.memmap(made / "train.bin", dtype=np.uint8, mode="r"),
        validation=np.fromfile(made / "validation.bin", dtype=np.uint8),
    )


def _recipe() -> str:
    pinned = [source.sha256 for source in SOURCES]
    recipe = json.dumps([pinned, VALIDATION_PER_MILLE, _BLANK.pattern.decode(), "v1"])
    return hashlib.sha256(recipe.encode()).hexdigest()


def _prepare(folder: Path, made: Path) -> None:
    files = [pair for archive in fetch_sources(folder) for pair in _python_files(archive)]
    train, validation = deduplicate(files)
    made.mkdir(parents=True, exist_ok=True)
    record = {}
    for name, text in (("train", train), ("validation", validation)):
        with replacing(made / f"{name}.bin") as temporary:
            temporary.write_bytes(text)
        record[name] = {"bytes": len(text), "sha256": hashlib.sha256(text).hexdigest()}
    (made / "done.json").write_text(json.dumps(record))


def _python_files(archive: Path) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(archive) as tar:
        for member in tar:
            if member.isfile() and member.name.endswith(".py"):
                content = tar.extractfile(member)
                if content is not None:
                    yield member.name, content.read()


def fetch_sources(folder: Path, sources: tuple[Source, ...] = SOURCES) -> list[Path]:
    """Return the archives of `sources` in `folder`, fetched by pip where absent, hashes checked.

    Raises
    ------
    InputError
        pip fails, or an archive in the folder has another hash than the pinned one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    missing = [source for source in sources if not (folder / source.filename).exists()]
    for source in missing:
        _download(folder, source)
    problems = []
    for source in sources:
        found = hashlib.sha256((folder / source.filename).read_bytes()).hexdigest()
        if found != source.sha256:
            problems.append(
                f"{source.filename} has sha256 {found}, the pinned one is {source.sha256}; "
                f"delete it from {folder} to fetch it again"
            )
    if problems:
        raise InputError(problems)
    return [folder / source.filename for source in sources]


def _download(folder: Path, source: Source) -> None:
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        pinned = Path(scratch) / "requirements.txt"
        pinned.write_text(f"{source.name}=={source.version} --hash=sha256:{source.sha256}\n")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--no-binary", ":all:", "--require-hashes", "--dest", scratch]
        command += ["--requirement", str(pinned)]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        archive = Path(scratch) / source.filename
        if ran.returncode or not archive.exists():
            said = (ran.stderr or ran.stdout).strip().splitlines()
            raise InputError(
                f"pip could not fetch {source.filename}: {said[-1] if said else 'no message'}; "
                f"put the archive (sha256 {source.sha256}) into {folder} and run again"
            )
        os.replace(archive, folder / source.filename)
