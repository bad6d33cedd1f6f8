"""Options that are made of dataclasses and methods, and what every command of a kind takes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

import bayes_scaling as bs
from bayes_scaling.cli import COMMANDS, Question, summary
from bayes_scaling.commands.options import described, flat
from bayes_scaling.errors import InputError
from bayes_scaling.facade import Questions
from bayes_scaling.page import page_of
from bayes_scaling.posterior.sampler import Settings
from bayes_scaling.questions.rig import Budget
from tests.command_line import call
from tests.synthetic import synthetic_fit


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthetic_fit(spread=0.05).save(tmp_path_factory.mktemp("options") / "fit.nc")


# ---- made of documentation -----------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Kiln:
    """A dataclass to make options of.

    Attributes
    ----------
    heat : float [FLOP]
        How hot it is,
        in all.
    bricks : sequence of float
        What is in it.
    name : str
        Whose it is.
    """

    heat: float
    bricks: tuple[float, ...] = ()
    name: str = "ours"


def test_help_and_unit_are_those_of_the_documentation() -> None:
    told = described(Kiln)
    assert told["heat"].text == "How hot it is, in all."
    assert [told[name].unit for name in ("heat", "bricks", "name")] == ["FLOP", "NUMBER", "NUMBER"]
    assert described(bs.Device)["memory"].unit == "BYTES"
    both = described(Questions.reach)
    assert both["params"].text == both["tokens"].text


def test_a_dataclass_is_put_together_of_its_options() -> None:
    found: list[Kiln | None] = []

    def fire(*, kiln: Kiln) -> None:
        """Fire it."""
        found.append(kiln)

    command = flat(fire)
    command(heat=1.0, bricks=[2.0, 3.0], name="theirs")
    command(heat=None, bricks=None, name=None)
    assert found == [Kiln(heat=1.0, bricks=[2.0, 3.0], name="theirs"), None]  # type: ignore[arg-type]
    with pytest.raises(InputError, match="--bricks need --heat"):
        command(heat=None, bricks=[2.0], name=None)


@pytest.mark.parametrize("kind", [bs.Limits, bs.Rig, bs.Device, Budget, Settings])
def test_every_field_is_described(kind: type) -> None:
    assert set(described(kind)) == set(kind.__dataclass_fields__)  # type: ignore[attr-defined]
    assert all(told.text for told in described(kind).values())


@pytest.mark.parametrize("name", COMMANDS)
def test_what_a_command_does_is_listed_as_it_is_documented(name: str) -> None:
    said = " ".join(call(name, "--help").out.split())
    assert summary(name)
    assert summary(name) in said


@pytest.mark.parametrize(
    "name", [name for name, each in COMMANDS.items() if isinstance(each, Question)]
)
def test_every_option_of_a_question_has_help(name: str) -> None:
    options = call(name, "--help").out.split("Options:")[1]
    for line in re.split(r"\n  (?=--)", options)[1:]:
        assert len(line.split()) > 2, line


# ---- what they share -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "ask",
    [
        ("allocate",),
        ("risk",),
        ("stage-gate", "--target-loss", 2),
        ("advise", "--data-tokens", "1T"),
        ("next-runs",),
        ("forecast", "--params", "1B"),
        ("judge-split", "--params", "1B"),
        ("sensitivity", "--params", "1B"),
    ],
)
def test_a_budget_is_given_in_every_unit(saved: Path, ask: tuple[object, ...]) -> None:
    command, *options = ask
    amount = bs.Rig(price=2.0).flops(money=3e5)
    units = (("--flops", amount), ("--hours", "150k"), ("--money", "300k", "--price", 2))
    answers = [call(command, saved, *options, *unit, "--json") for unit in units]
    assert [answer.code for answer in answers] == [0, 0, 0], answers[0].err
    flops = [answer.json["rows"][0].get("flops") for answer in answers]
    assert flops == pytest.approx([flops[0]] * 3)
    twice = call(command, saved, *options, "--flops", 1e22, "--hours", 3)
    assert (twice.code, "give budgets in one way" in twice.err) == (1, True)


@pytest.mark.parametrize(
    "ask",
    [
        ("allocate",),
        ("risk",),
        ("stage-gate", "--target-loss", 2),
        ("advise", "--data-tokens", "100T"),
    ],
)
@pytest.mark.parametrize(
    "limit", [("--max-params", "1B"), ("--device-memory", "2GB", "--device-reserved", 0)]
)
def test_a_split_of_a_budget_stays_within_limits(
    saved: Path, ask: tuple[object, ...], limit: tuple[object, ...]
) -> None:
    command, *options = ask
    row = call(command, saved, *options, "--flops", 1e23, *limit, "--json").json["rows"][0]
    assert row.get("choose_params", row["params"]) == pytest.approx(1e9)


def test_an_answer_without_a_page_is_printed_from_its_rows() -> None:
    class Counted:
        def rows(self) -> list[dict[str, object]]:
            return [
                {"tokens": 2e9, "tokens_lower": 1e9, "tokens_upper": 3e9, "probability": 0.9}
                | {"kind": "ETI", "loss_gap": 0.25, "verdict": "drop", "efolds_flops": 1.0}
            ]

    ((lines,),) = page_of(Counted())
    assert lines == {
        "tokens D": "2.0e9 [1.0e9, 3.0e9] 90 % ETI",
        "loss gap": "0.25",
        "verdict": "drop",
        "extrapolation": "beyond the fitted runs: flops 1.0 e-folds (2.72x)",
    }


def test_one_budget_is_asked_where_one_is_meant(saved: Path) -> None:
    ask = ("stage-gate", saved, "--target-loss", 2)
    assert "give --flops, --hours, or --money with --price" in call(*ask).err
    assert "of one budget, got 2" in call(*ask, "--flops", 1e22, "--flops", 1e23).err
    sizes = ("--params", 1e9, "--params", 2e9, "--tokens", 1e11)
    assert "give every size once" in call("sensitivity", saved, *sizes).err


def test_a_question_of_a_fit_is_not_asked_of_a_published_law() -> None:
    for command, *options in (
        ("mistuned",),
        ("tune", "--params", "1B", "--tokens", "20B"),
        ("next-runs", "--budget", "1e20"),
    ):
        found = call(command, "hoffmann-2022", *options)
        assert (found.code, "is answered by a fit alone" in found.err) == (1, True)
