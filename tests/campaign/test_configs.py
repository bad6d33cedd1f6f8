"""Configurations and commands: nothing in them is read by a shell as anything but a word."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from bayes_scaling.campaign.configs import command_of, config_text
from bayes_scaling.errors import InputError

NASTY = "adam'; touch owned; echo \"$(touch owned)`touch owned`\n&& touch owned"

CONFIG: dict[str, float | int | str] = {
    "run": "c001",
    "seed": 7,
    "params": 1e6,
    "rate": 3e-4,
    "optimizer": NASTY,
}


def test_a_configuration_is_json_with_whole_numbers() -> None:
    assert json.loads(config_text(CONFIG, None)) == {**CONFIG, "params": 1000000}


def test_a_shell_reads_values_as_words(tmp_path: Path) -> None:
    template = tmp_path / "job.sh"
    template.write_text("printf '%s' {{optimizer}} > said; echo {{ params }} > size\n")
    (tmp_path / "run.sh").write_text(config_text(CONFIG, template))
    subprocess.run(["sh", "run.sh"], cwd=tmp_path, check=True)
    assert (tmp_path / "said").read_text() == NASTY
    assert (tmp_path / "size").read_text() == "1000000\n"
    assert not (tmp_path / "owned").exists()


def test_yaml_takes_values_as_json(tmp_path: Path) -> None:
    template = tmp_path / "run.yaml"
    template.write_text("optimizer: {{optimizer}}\nrate: {{rate}}\n")
    text = config_text(CONFIG, template)
    assert text == f"optimizer: {json.dumps(NASTY)}\nrate: 0.0003\n"


def test_arguments_stay_arguments() -> None:
    command = ("train", "--opt={{optimizer}}", "{{config}}")
    found = command_of(command, CONFIG, Path("/x y"), "config.json")
    assert found == ["train", f"--opt={NASTY}", "/x y/config.json"]


def test_a_name_that_no_run_has_is_refused() -> None:
    with pytest.raises(InputError, match=r"\[run\] command has \{\{lr\}\}.*known are run, seed"):
        command_of(("train", "{{lr}}"), CONFIG, Path("/x"), "config.json")
