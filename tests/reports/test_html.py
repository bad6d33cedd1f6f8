"""The report: what stands in it, what it needs, and what happens where something is wrong."""

from __future__ import annotations

import re
from html import escape, unescape
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import InputError, UnconvergedError
from bayes_scaling.facade import Fit
from bayes_scaling.figures.words import without_kind
from bayes_scaling.intervals import interval
from bayes_scaling.reports import ReportError, fit_sections, verdict
from tests.synthetic import CONFLICT, UNCONVERGED, synthetic_fit

VOID = {"meta", "link", "img", "br", "input", "source"}


class Page(HTMLParser):
    """Sections, images, links and text of a page, and whether its tags close in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.sections: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.add(tag)
        if tag not in VOID:
            self.open.append(tag)
        if tag == "section":
            self.sections.append(str(given["id"]))
        if tag == "img":
            self.images.append(given)
        self.links += [value for name in ("src", "href") if (value := given.get(name))]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def section_of(text: str, name: str) -> str:
    return text.split(f'<section id="{name}"')[1].split("</section>")[0]


@pytest.fixture(scope="module")
def fit() -> Fit:
    return synthetic_fit("chinchilla-lr", extra={"optimizer": "adamw", "context_length": 128.0})


@pytest.fixture(scope="module")
def text(fit: Fit, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("report") / "report.html"
    found = bs.report(fit, path, flops=1e23, target_loss=2.0, command="make report")
    assert found == path
    return path.read_text(encoding="utf-8")


def test_sections_come_verdict_first(text: str) -> None:
    assert Page(text).sections == [
        "verdict", "numbers", "decision", "loss", "allocation", "risk", "what-if", "sensitivity",
        "learning-rate", "data", "model", "diagnostics", "posterior", "check", "fixed", "methods",
        "provenance",
    ]  # fmt: skip


def test_intervals_are_those_of_the_fit(fit: Fit, text: str) -> None:
    params = fit.allocate(flops=1e23).choices[0].params
    found = fit.forecast({"flops": 1e23, "params": params})
    verdict, numbers = (section_of(text, name) for name in ("verdict", "numbers"))
    assert without_kind(str(interval(found.draws[:, 0]))) in verdict
    law, ends = without_kind(str(interval(found.noise_free[:, 0]))).split(" [")
    assert f">{law}</td>" in numbers
    assert f"[{ends}" in numbers
    rate = interval(found.tuned["learning_rate"][:, 0])
    assert str(rate) in text
    assert without_kind(str(rate)) in numbers


def test_verdict_says_distance_and_chance(fit: Fit, text: str) -> None:
    assert "100×, 4.6 e-folds" in text
    assert "Chance of missing 2" in text
    choice = fit.allocate(flops=1e23).choices[0]
    losses = fit.forecast({"params": choice.params, "tokens": choice.tokens}).draws[:, 0]
    assert f"{100 * np.mean(losses <= 2):.3g} %" in text


def test_the_page_needs_nothing_else(text: str) -> None:
    page = Page(text)
    assert page.links
    assert all(link.startswith(("data:", "#")) for link in page.links)
    assert not re.search(r"fetch\(|XMLHttpRequest|import\(|WebSocket", text)
    assert not re.search(r"@import|url\(", text)
    assert len(text.encode()) < 2e6


def test_pictures_have_alternative_texts_with_the_answer(fit: Fit, text: str) -> None:
    images = Page(text).images
    assert len(images) == 9
    assert all(len(str(image["alt"])) > 30 for image in images)
    assert "90 % ETI" in str(images[0]["alt"])


def test_the_page_fits_a_phone(text: str) -> None:
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in text


def test_what_was_held_fixed_is_named(text: str) -> None:
    fixed = section_of(text, "fixed")
    assert re.search(r"optimizer</td>\s*<td[^>]*>adamw", fixed)
    assert re.search(r"context_length \[tokens\]</td>\s*<td[^>]*>128", fixed)
    assert "one law" in fixed
    assert "Not recorded" in fixed
    assert "schedule" in fixed


def test_provenance_names_command_seed_and_hashes(fit: Fit, text: str) -> None:
    for expected in ("make report", fit.model.content_hash, fit.runs.content_hash, ">7<"):
        assert expected in text


def test_the_default_budget_is_100_times_the_largest_run(tmp_path: Path) -> None:
    text = bs.report(synthetic_fit(), tmp_path / "r.html").read_text()
    assert "At 1e23 FLOP" in text


def test_hostile_names_are_escaped(tmp_path: Path) -> None:
    hostile = '<script>alert("x")</script>'
    fit = synthetic_fit(
        "kaplan-c", families=(hostile, "b&b"), extra={"corpus": "<img src=http://x>"}
    )
    path = bs.report(fit, tmp_path / "r.html", title=hostile, command=f"run {hostile}")
    text = path.read_text()
    assert hostile not in text
    assert "<img src=http" not in text
    assert escape(hostile, quote=False).replace('"', "&#34;") in text
    Page(text)


def test_a_section_that_fails_says_so_and_the_rest_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("no <data> at all")

    monkeypatch.setattr(fit_sections, "data_section", broken)
    path = tmp_path / "r.html"
    with pytest.raises(ReportError, match="The runs: ZeroDivisionError") as caught:
        bs.report(synthetic_fit("kaplan-c"), path)
    assert caught.value.path == path
    assert [section.id for section in caught.value.sections] == ["data"]
    text = path.read_text()
    assert "ZeroDivisionError: no &lt;data&gt; at all" in text
    assert "provenance" in Page(text).sections
    assert list(tmp_path.iterdir()) == [path]


def test_the_verdict_may_fail_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdict, "_headline", lambda item: 1 / 0)
    with pytest.raises(ReportError, match="Verdict"):
        bs.report(synthetic_fit("kaplan-c"), tmp_path / "r.html")


def test_an_unconverged_fit_needs_leave_and_gets_a_banner(tmp_path: Path) -> None:
    fit, path = synthetic_fit("kaplan-c", checks=UNCONVERGED), tmp_path / "r.html"
    with pytest.raises(UnconvergedError):
        bs.report(fit, path)
    assert not path.exists()
    text = bs.report(fit.accept_unconverged(), path).read_text()
    assert text.index('class="banner"') < text.index('id="verdict"')
    assert "did not converge" in text


def test_a_conflict_with_the_prior_gets_a_banner(tmp_path: Path) -> None:
    text = bs.report(synthetic_fit("kaplan-c", checks=CONFLICT), tmp_path / "r.html").read_text()
    assert 'class="banner"' in text
    assert "E at 1e-9" in text


def test_a_trustworthy_fit_has_no_banner(text: str) -> None:
    assert 'class="banner"' not in text


@pytest.mark.parametrize(
    ("model", "place"),
    [("kaplan-n", "non-embedding parameters"), ("kaplan-d", "tokens"), ("kaplan-c", "FLOP")],
)
def test_a_law_of_one_input_says_what_it_cannot_answer(
    model: str, place: str, tmp_path: Path
) -> None:
    text = bs.report(synthetic_fit(model), tmp_path / "r.html", flops=1e23).read_text()
    page = Page(text)
    assert "Not answered by this law" in text
    assert "How to split a budget" in text
    assert "allocation" not in page.sections
    assert "loss" in page.sections
    lead = unescape(re.findall(r'<p class="lead">(.*?)</p>', text)[0])
    assert place in lead
    assert ("1e23" in lead) == (model == "kaplan-c")


@pytest.mark.slow
def test_every_family_is_answered(tmp_path: Path) -> None:
    fit = synthetic_fit(families=("c4", "code"))
    text = bs.report(fit, tmp_path / "r.html", target_loss=2.0).read_text()
    assert [name for name in Page(text).sections if name.startswith("loss")] == ["loss-1", "loss-2"]
    verdict = section_of(text, "verdict")
    for family in fit.groups:
        choice = fit.allocate(flops=1e23, family=family).choices[0]
        sizes = {"params": choice.params, "tokens": choice.tokens, "family": family}
        expected = str(interval(fit.forecast(sizes).draws[:, 0])).split("]")[0] + "]"
        assert expected in verdict


def test_one_family_can_be_asked_for(tmp_path: Path) -> None:
    fit = synthetic_fit(families=("c4", "code"))
    text = bs.report(fit, tmp_path / "r.html", family="code").read_text()
    assert "best split of code" in text
    assert "loss-2" not in Page(text).sections


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"flops": -1.0}, "flops must be a positive number"),
        ({"target_loss": float("nan")}, "target_loss must be a positive number"),
        ({"probability": 90}, "write 0.9"),
        ({"family": "mars"}, "not in the fit"),
        ({"path": "/no/such/folder/r.html"}, "create it first"),
    ],
)
def test_wrong_arguments_write_nothing(
    arguments: dict[str, object], message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message):
        bs.report(synthetic_fit("kaplan-c"), **{"path": tmp_path / "r.html", **arguments})  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_reading_and_writing_need_no_sampler(checkout: Path, tmp_path: Path) -> None:
    import subprocess
    import sys

    code = (
        "import sys, bayes_scaling as bs\n"
        "from tests.synthetic import synthetic_fit\n"
        f"bs.report(synthetic_fit('kaplan-c'), {str(tmp_path / 'r.html')!r})\n"
        "print(sorted({'pymc', 'pytensor', 'nutpie', 'arviz'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=checkout, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "[]", done.stderr
