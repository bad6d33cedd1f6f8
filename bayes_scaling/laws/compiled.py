"""The compiled density of a model: written out, compiled by numba once, and kept on disk.

A folder of the cache is the code of one structure: its source and what numba made of it, with a
hash of every file. It is made under another name and put in place in one step, so a process finds a
whole folder or none; one that is damaged, or of another version, is made anew. Data are arguments,
so that one structure serves any number of runs and groups.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import sys
import tempfile
import warnings
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from bayes_scaling.errors import BayesScalingWarning
from bayes_scaling.files import cache_folder, folder_in_making
from bayes_scaling.formula import roots
from bayes_scaling.laws.features import FEATURES, NOISES
from bayes_scaling.laws.model import Model
from bayes_scaling.laws.program import Program, write_program

FOLDER = "compiled"
"""Folder in the cache of this package."""

SUMS = "sums.json"
"""File in a folder of the cache with the hash of every other file."""

FROM_KERNELS = "from bayes_scaling.laws.kernels import inlined, inner\n"
"""What `kernel_calls.py` imports of the text that it is joined to."""

SOLVING = """
from bayes_scaling.formula import roots

MOST_STEPS = roots.MOST_STEPS
advance, begin = inner(roots.advance), inner(roots.start)


@inner
def choose(condition, yes, no):
    return yes if condition else no


@inner
def sign(x):
    return np.sign(x)
"""

DENSITY = '''
@inlined
def density(q, grad, instructions, constants, where, scalars, columns, y, weight, first,
            first_of_run, by_run, before, gap, items, slots):
    """Return the log density of a vector, and fill in its slopes."""
    values, slopes = np.empty(slots), np.zeros(slots)
    mean, at_mean = np.empty(y.shape), np.empty(y.shape)
    row_slopes, totals = np.empty((y.shape[1], {read})), np.empty((first.size - 1, {read}))
    found = forward(q, instructions, constants, values)
    law(values, where, scalars, columns, first, mean, row_slopes)
{noise}
    pull(values, where, scalars, totals, slopes)
    backward(instructions, constants, values, slopes, grad)
    return found


@cfunc("i8(u8,CPointer(f8),CPointer(f8),CPointer(f8),voidptr)", cache=True)
def evaluate(size, q, grad, value, data):
    """Compute value and slopes for a caller in C, which gives the data as `table` lays them out."""
    table = carray(data, (TABLE,), np.int64)
    point, slopes, frame = carray(q, (size,)), carray(grad, (size,)), real(table, 13)
    moved, steep = np.empty(size), np.empty(size)
    to_vector(point, frame, moved)
    found = density(
        moved, steep, whole(table, 0), real(table, 1), whole(table, 2), real(table, 3)[0],
        real(table, 4), real(table, 5), real(table, 6), whole(table, 7)[0], whole(table, 8)[0],
        whole(table, 9)[0], whole(table, 10)[0], real(table, 11)[0], real(table, 12),
        table[TABLE - 1],
    )
    from_vector(steep, frame, slopes)
    carray(value, (1,))[0] = found
    good = math.isfinite(found)
    for i in range(size):
        good = good and math.isfinite(slopes[i])
    return 0 if good else 3


@cfunc("i8(u8,u8,CPointer(f8),CPointer(f8),voidptr)", cache=True)
def copy(size, length, q, out, data):
    """Give the vector itself to the trace of a sampler."""
    given, found = carray(q, (size,)), carray(out, (length,))
    for i in range(size):
        found[i] = given[i]
    return 0

'''
"""What is compiled for a structure: the density with its slopes, and a copy of the vector."""


_LOADED: dict[str, tuple[Program, ModuleType]] = {}


def load(model: Model) -> tuple[Program, ModuleType]:
    """Return the program of a model, and the module that holds its compiled functions."""
    if model.content_hash not in _LOADED:
        program = write_program(model)
        _LOADED[model.content_hash] = program, _module(source(model, program))
    return _LOADED[model.content_hash]


def source(model: Model, program: Program) -> str:
    """Return the source of the module of a model."""
    folder = Path(__file__).parent
    calls = (folder / "kernel_calls.py").read_text()
    pieces = [(folder / "kernels.py").read_text(), calls.replace(FROM_KERNELS, "")]
    if "advance" in program.text:
        used = hashlib.sha256(Path(roots.__file__).read_bytes()).hexdigest()
        pieces += [SOLVING, f"# roots.py: {used}\n"]
    pieces += [
        program.text,
        DENSITY.format(noise=_noise(model, program), read=len(program.response_of)),
    ]
    return "\n\n".join(pieces)


def _noise(model: Model, program: Program) -> str:
    """Write the calls that add the noise of each response."""

    def place(name: str) -> str:
        return f"where[{program.parameters.index(name)}]"

    nu = place("nu") if model.noise == "student_t" else "NO_NU"
    plain = f"{'student' if model.noise == 'student_t' else 'normal'}_rows"
    own = next((FEATURES[name] for name in model.features if name in NOISES), None)
    lines = []
    for number, response in enumerate(program.responses):
        scale = "sigma" if number == 0 else model.likelihoods[number - 1].sigma_name
        function, further = plain, list[str]()
        if number == 0 and own is not None:
            function, further = own.kernel, [*(place(x.name) for x in own.parameters), *own.rows]
        elif number == 0 and model.counts_items:
            function, further = "item_rows", ["items"]
        degrees = [] if function == "normal_rows" else [nu]
        read = [f"{name}[{number}]" for name in ("y", "mean", "weight")]
        written = ["values", "slopes", f"at_mean[{number}]"]
        given = [*read, "first", *written, place(scale), *degrees, *further]
        lines.append(f"    found += {function}({', '.join(given)})  # {response}")
        slopes = [index for index, of in enumerate(program.response_of) if of == number]
        if slopes:
            ends = f"{slopes[0]}, {slopes[-1] + 1}"
            lines.append(f"    collect(first, at_mean[{number}], row_slopes, {ends}, totals)")
    return "\n".join(lines)


# ---- the cache -----------------------------------------------------------------------------------


def _module(text: str) -> ModuleType:
    """Return the module of a source, from the cache where it is there."""
    import numba

    release = f"{numba.__version__} {sys.implementation.cache_tag}"
    key = hashlib.sha256(f"{release}\n{text}".encode()).hexdigest()[:24]
    base = _writable()
    final = base / key
    if _is_whole(final, text):
        try:
            return _import(final / "density.py", key)
        except Exception:  # whatever a file that was tampered with makes numba do
            sys.modules.pop(_name(key), None)
    with folder_in_making(base, f".{key}-") as temporary:
        (temporary / "density.py").write_text(text)
        module = _import(temporary / "density.py", key)
        (temporary / SUMS).write_text(json.dumps(_sums(temporary)))
        _put(temporary, final)
    return module


def _put(made: Path, final: Path) -> None:
    """Put a folder in its place, unless another process was faster or nothing can be written."""
    try:
        if final.exists():
            broken = final.with_name(f".{final.name}-{os.getpid()}-old")
            os.replace(final, broken)
            shutil.rmtree(broken, ignore_errors=True)
        os.replace(made, final)
    except OSError:
        return


@cache
def _writable() -> Path:
    """Return a folder for compiled code: in the user's cache, or else one that goes with us."""
    folder = cache_folder() / FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        held = tempfile.TemporaryDirectory(prefix="bayes-scaling-")
        _HELD.append(held)
        warnings.warn(
            f"compiled laws are kept in {held.name} until this process ends, since {folder} cannot "
            f"be written ({error.strerror}); set XDG_CACHE_HOME to a folder that can",
            BayesScalingWarning,
            stacklevel=2,
        )
        return Path(held.name)


_HELD: list[Any] = []
"""Temporary folders, which go when the process ends."""


def _sums(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != SUMS
    }


def _is_whole(folder: Path, text: str) -> bool:
    """Whether a folder holds the source and every file it was made with, unchanged."""
    try:
        if (folder / "density.py").read_text() != text:
            return False
        return bool(json.loads((folder / SUMS).read_text()) == _sums(folder))
    except (OSError, ValueError):
        return False


def _name(key: str) -> str:
    return f"bayes_scaling_compiled_{key}"


def _import(path: Path, key: str) -> ModuleType:
    """Import a module from a file; numba finds what it compiled beside it."""
    spec = importlib.util.spec_from_file_location(_name(key), path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
