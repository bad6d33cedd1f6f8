"""The architecture section of CONTRIBUTING.md against the tree: rooms, arrows, imports, size."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]
PACKAGE = CHECKOUT / "bayes_scaling"
MAX_LINES = 500

HEAVY = {
    "arviz",
    "jax",
    "matplotlib",
    "numba",
    "nutpie",
    "pandas",
    "pymc",
    "pytensor",
    "scipy",
    "xarray",
}
# These files are themselves imported inside functions only.
WITH_PYMC = {
    f"{name}.py": {"pymc", "pytensor"}
    for name in (
        "formula/pytensor_operations",
        "laws/build",
        "laws/variables",
    )
}
HEAVY_AT_TOP = {
    **WITH_PYMC,
    "laws/kernels.py": {"numba"},
    "laws/kernel_calls.py": {"numba"},
    "figures/shown.py": {"matplotlib"},
}
KNOWS_PYMC = (*WITH_PYMC, "posterior/densities.py", "posterior/fit_model.py")
"""And what says which version sampled a fit."""
KNOWS_NUMBA = ("laws/kernels.py", "laws/kernel_calls.py", "laws/compiled.py")


@dataclass(frozen=True, kw_only=True)
class Room:
    """One row of the table: where it is, and what it may import at the top or in functions."""

    path: str
    at_top: frozenset[str]
    in_functions: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Import:
    """One imported module: `when` is "top" (on import), "function" or "typing"."""

    file: str
    line: int
    module: str
    when: str

    def __str__(self) -> str:
        return f"bayes_scaling/{self.file}:{self.line} imports {self.module}"


def room_of(path: str) -> str:
    """Name a room by its path: ``bayes_scaling/laws/`` is ``laws``."""
    return path.rstrip("/").rsplit("/", 1)[-1].removesuffix(".py")


def read_rooms() -> dict[str, Room]:
    text = (CHECKOUT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("## Architecture")[1]
    rooms: dict[str, Room] = {}
    for path, allowed in re.findall(r"^\| `([^`]+)` \|[^|]*\|([^|]*)\|$", text, flags=re.M):
        top, _, deferred = allowed.partition("; inside functions:")
        at_top = set(rooms) if top.strip() == "all above" else set(re.findall(r"\w+", top))
        rooms[room_of(path)] = Room(
            path=path,
            at_top=frozenset(at_top - {"nothing"}),
            in_functions=frozenset(re.findall(r"\w+", deferred)),
        )
    return rooms


def find_imports(
    node: ast.AST, file: str, package: tuple[str, ...], when: str = "top"
) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(file=file, line=child.lineno, module=alias.name, when=when)
        elif isinstance(child, ast.ImportFrom):
            start = package[: len(package) - child.level + 1] if child.level else ()
            module = ".".join((*start, *([child.module] if child.module else ())))
            for alias in child.names:
                # `from bayes_scaling import x` names a room, `from a room import x` need not.
                name = f"{module}.{alias.name}" if module == "bayes_scaling" else module
                yield Import(file=file, line=child.lineno, module=name, when=when)
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from find_imports(child, file, package, "function" if when == "top" else when)
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for part in child.body:
                yield from find_imports(ast.Module([part], []), file, package, "typing")
            for part in child.orelse:
                yield from find_imports(ast.Module([part], []), file, package, when)
        else:
            yield from find_imports(child, file, package, when)


def imports_of(path: Path) -> list[Import]:
    file = path.relative_to(PACKAGE).as_posix()
    package = path.relative_to(CHECKOUT).parent.parts
    return list(find_imports(ast.parse(path.read_text(encoding="utf-8")), file, package))


FILES = sorted(PACKAGE.rglob("*.py"))
IMPORTS = [found for path in FILES for found in imports_of(path)]
ROOMS = read_rooms()


def test_rooms_in_the_text_are_the_rooms_in_the_tree() -> None:
    tree = {
        f"bayes_scaling/{path.name}" + ("/" if path.is_dir() else "")
        for path in PACKAGE.iterdir()
        if (path.is_dir() and path.name != "__pycache__") or path.suffix == ".py"
    }
    tree.discard("bayes_scaling/__init__.py")
    tree |= {"models/"} if (CHECKOUT / "models").is_dir() else set()
    assert {room.path for room in ROOMS.values()} == tree


def test_models_are_data_only() -> None:
    assert {path.suffix for path in (CHECKOUT / "models").iterdir()} == {".toml"}


def test_the_table_only_points_up() -> None:
    above: set[str] = set()
    for name, room in ROOMS.items():
        assert room.at_top <= above, f"{name} may import {room.at_top - above}, not above it"
        assert room.in_functions <= set(ROOMS)
        above.add(name)


def test_arrows_between_rooms_are_those_of_the_table() -> None:
    wrong = []
    for found in IMPORTS:
        parts = found.module.split(".")
        here = room_of(found.file.split("/")[0])
        if parts[0] != "bayes_scaling" or here not in ROOMS:
            continue
        room = ROOMS[here]
        allowed = {here, "__version__"} | room.at_top
        if found.when != "top":
            allowed |= room.in_functions
        if len(parts) == 1 or parts[1] not in allowed:
            wrong.append(str(found))
    assert not wrong


def test_the_front_door_imports_no_room() -> None:
    wrong = [str(i) for i in IMPORTS if i.file == "__init__.py" and i.when == "top"]
    assert [text for text in wrong if "bayes_scaling." in text.split("imports")[1]] == []


def test_only_its_rooms_know_pymc() -> None:
    wrong = [
        str(found)
        for found in IMPORTS
        if found.module.split(".")[0] in {"pymc", "pytensor"}
        and found.when != "typing"
        and not found.file.startswith(KNOWS_PYMC)
    ]
    assert not wrong


def test_only_its_files_know_numba() -> None:
    wrong = [str(i) for i in IMPORTS if i.module.split(".")[0] == "numba"]
    assert [
        text
        for text in wrong
        if not text.startswith(tuple(f"bayes_scaling/{k}" for k in KNOWS_NUMBA))
    ] == []


def test_heavy_packages_are_imported_inside_functions() -> None:
    wrong = [
        str(found)
        for found in IMPORTS
        if found.when == "top"
        and found.module.split(".")[0] in HEAVY - HEAVY_AT_TOP.get(found.file, set())
    ]
    assert not wrong


def test_files_stay_short() -> None:
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert {str(path): n for path, n in lines.items() if n > MAX_LINES} == {}


def test_what_is_drawn_and_written_computes_no_statistic() -> None:
    banned = re.compile(r"\.(nan)?(mean|median|quantile|percentile|std|var|average)\(")
    found = [
        f"{path.relative_to(PACKAGE)}:{number}: {line.strip()}"
        for room in ("figures", "reports")
        for path in sorted((PACKAGE / room).glob("*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if banned.search(line)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import pymc as pm", [("pymc", "top")]),
        ("def f():\n    import pymc", [("pymc", "function")]),
        (
            "if TYPE_CHECKING:\n    import pymc\nelse:\n    import jax",
            [("pymc", "typing"), ("jax", "top")],
        ),
        ("try:\n    import jax.numpy\nexcept ImportError: pass", [("jax.numpy", "top")]),
        ("from bayes_scaling import runs", [("bayes_scaling.runs", "top")]),
        ("from .nodes import Node", [("bayes_scaling.laws.nodes", "top")]),
        ("from ..runs import RunTable", [("bayes_scaling.runs", "top")]),
        ("from .. import runs", [("bayes_scaling.runs", "top")]),
    ],
)
def test_imports_are_found(source: str, expected: list[tuple[str, str]]) -> None:
    found = find_imports(ast.parse(source), "laws/x.py", ("bayes_scaling", "laws"))
    assert [(each.module, each.when) for each in found] == expected
