"""The texts nano-transfer trains on first: prose, and prose with code of another language.

Prose are paragraphs of the documentation of django and sympy, the other code is the JavaScript,
HTML and CSS of django: the archives that nano-lm pins. What follows, and what is measured on, is
the Python source of nano-lm.
"""

from __future__ import annotations

import hashlib
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

from bayes_scaling.datasets.nano_lm.corpus import (
    FILE_END,
    SOURCES,
    corpus_cache,
    fetch_sources,
    fresh_blocks,
    load_corpus,
    split_blocks,
)
from bayes_scaling.datasets.nano_lm.train import window_count
from bayes_scaling.datasets.nano_lm.transformer import CONTEXT

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PRETRAIN_WINDOWS = 16_384
"""Windows of 128 bytes read before Python, each once: 2.1e6 bytes."""
PROSE_FILES = {"django": ("/docs/", ".txt"), "sympy": ("/doc/src/", ".rst")}
CODE_ENDINGS = (".js", ".html", ".css")
LETTERS = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ ,.'\n")
PROSE_SHARE = 0.9
"""Share of a paragraph that must be letters, spaces, commas, stops and apostrophes."""


def is_prose(block: bytes) -> bool:
    """Whether a block reads as a paragraph: nearly all letters, and ended by a stop or a colon."""
    text = b"\n".join(line.strip() for line in block.splitlines())
    letters = sum(character in LETTERS for character in text)
    return len(text) > 80 and text[-1:] in b".:" and letters >= PROSE_SHARE * len(text)


def pretraining_text(
    name: str, *, count: int = PRETRAIN_WINDOWS, cache_dir: str | Path | None = None
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return a text and the windows of it that are read, in their order.

    Parameters
    ----------
    name : str
        ``prose``, or ``prose+web-code``: as many windows of code as of prose.
    count : int
        Windows.
    cache_dir : path, optional
        Folder of the archives; see `corpus_cache`.

    Returns
    -------
    text : ndarray of uint8, shape (bytes,)
    order : ndarray of int, shape (windows,)
    """
    import numpy as np

    folder = corpus_cache(cache_dir)
    validation = load_corpus(cache_dir).validation.tobytes()
    seen: set[bytes] = set()
    fresh_blocks(split_blocks(validation.replace(FILE_END, b"\n\n")), seen)
    kinds = ("prose",) if name == "prose" else ("prose", "code")
    texts, orders, begin = [], [], 0
    for kind in kinds:
        text = np.frombuffer(_text_of(kind, folder, seen), np.uint8)
        windows = window_count(text)
        text = text[: windows * CONTEXT]
        wanted = count // len(kinds)
        if wanted > windows:
            raise ValueError(f"{kind} has {windows} windows of {CONTEXT} bytes, {wanted} are asked")
        order = np.random.default_rng(0).permutation(windows - 1)[:wanted]
        texts.append(text)
        orders.append(order + begin)
        begin += windows
    order = np.random.default_rng(1).permutation(np.concatenate(orders))
    return np.concatenate(texts), order


def _text_of(kind: str, folder: Path, seen: set[bytes]) -> bytes:
    files = []
    for source, archive in zip(SOURCES, fetch_sources(folder), strict=True):
        with tarfile.open(archive) as tar:
            for member in tar:
                if member.isfile() and _belongs(kind, source.name, member.name):
                    content = tar.extractfile(member)
                    assert content is not None
                    files.append((member.name, content.read()))
    parts = []
    for _, page in sorted(files, key=lambda pair: hashlib.sha256(pair[0].encode()).digest()):
        blocks = split_blocks(page)
        if kind == "prose":
            blocks = [
                b"\n".join(line.strip() for line in b.splitlines()) for b in blocks if is_prose(b)
            ]
        kept = fresh_blocks(blocks, seen)
        if kept:
            parts.append(b"\n\n".join(kept) + b"\n" + FILE_END)
    return b"".join(parts)


def _belongs(kind: str, source: str, path: str) -> bool:
    if kind == "prose":
        folder, ending = PROSE_FILES.get(source, ("", ""))
        return bool(folder) and folder in path and path.endswith(ending)
    return source == "django" and path.endswith(CODE_ENDINGS) and ".min." not in path
