"""Configurations: what a run is told, quoted for whoever reads it."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bayes_scaling.campaign.worker import COMMAND
from bayes_scaling.errors import InputError
from bayes_scaling.files import made_folder, replacing

CONFIG = "config"
"""Name of the configuration in the folder of a run, before its suffix."""

Config = Mapping[str, float | int | str]

_FIELD = re.compile(r"\{\{\s*(\w+)\s*\}\}")


def filled(text: str, values: Mapping[str, Any], written: Callable[[Any], str], where: str) -> str:
    """Replace every ``{{name}}`` of a text.

    Raises
    ------
    InputError
        A name is none of the values.
    """
    unknown = [name for name in dict.fromkeys(_FIELD.findall(text)) if name not in values]
    if unknown:
        known = ", ".join(values)
        raise InputError(
            [f"{where} has {{{{{name}}}}}, which no run has; known are {known}" for name in unknown]
        )
    return _FIELD.sub(lambda found: written(values[found[1]]), text)


def plain(value: float | int | str) -> str:
    """Write a value as it is, a whole number without an exponent."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def for_shell(value: float | int | str) -> str:
    """Write a value so that a shell reads it as one word."""
    return shlex.quote(plain(value))


def for_json(value: float | int | str) -> str:
    """Write a value as JSON."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    return json.dumps(value)


def config_name(template: str | None) -> str:
    """Name the configuration of a run."""
    return CONFIG + (Path(template).suffix if template is not None else ".json")


def config_text(config: Config, template: Path | None) -> str:
    """Write the configuration of a run."""
    if template is None:
        return json.dumps({key: json.loads(for_json(v)) for key, v in config.items()}, indent=2)
    written = for_shell if template.suffix in (".sh", ".bash", ".slurm", ".sbatch") else for_json
    return filled(template.read_text(encoding="utf-8"), config, written, template.name)


def command_of(command: tuple[str, ...], config: Config, folder: Path, name: str) -> list[str]:
    """Return program and arguments of a run."""
    values = {**config, "config": str(folder / name), "folder": str(folder)}
    return [filled(part, values, plain, "[run] command") for part in command]


def write_run(folder: Path, *, name: str, text: str, argv: list[str], cwd: Path) -> None:
    """Write the folder of a run: its configuration and its command, whole or not at all."""
    made_folder(folder, "a run")
    asked = json.dumps({"argv": argv, "cwd": str(cwd)}, indent=2)
    for path, content in ((folder / name, text), (folder / COMMAND, asked)):
        with replacing(path) as temporary:
            temporary.write_text(content + "\n", encoding="utf-8")
