"""The page in a browser: nothing is cut at any width, and the curve of the panel is told."""

from __future__ import annotations

import json
import re
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.posterior import Posterior
from bayes_scaling.questions.forecast import forecast_by_law
from bayes_scaling.questions.loss_curve import thin
from bayes_scaling.reports.pdf import QUIET, browser
from bayes_scaling.reports.whatif import DRAWS
from tests.synthetic import synthetic_ensemble, synthetic_fit

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(browser() is None, reason="no Chromium"),
]

MEASURE = """<script>
const wide = [...document.querySelectorAll("figure, figure img, table, .facts, .facts > div,"
  + " .lead, .notice, svg, h1, section:not(#verdict) > h2, .scroll")]
  .map(each => [each.tagName + " " + (each.ariaLabel || each.innerText || "").slice(0, 60),
                each.scrollWidth - each.clientWidth,
                each.getBoundingClientRect().right - document.documentElement.clientWidth])
  .filter(each => each[1] > 1 || each[2] > 1);
const rows = [...document.querySelectorAll("tbody tr")].map(row => row.offsetHeight);
const pictures = [...document.querySelectorAll("figure img")].map(each => each.currentSrc.length);
document.body.insertAdjacentHTML("beforeend", "<pre id='measured'></pre>");
document.getElementById("measured").textContent = JSON.stringify({wide, pictures,
  page: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  tallest: Math.max(...rows)});
</script>"""


def opened(page: Path, *, width: int = 1280, asked: str = "") -> str:
    program = browser()
    assert program is not None
    return subprocess.run(
        [program, *QUIET, f"--user-data-dir={page.parent / 'profile'}", "--dump-dom",
         f"--window-size={width},900", f"{page.as_uri()}{asked}"],
        capture_output=True, text=True, timeout=120, check=True,
    ).stdout  # fmt: skip


def measured(page: Path, width: int) -> Any:
    copy = page.with_name(f"{width}.html")
    copy.write_text(page.read_text("utf-8").replace("</body>", f"{MEASURE}</body>"), "utf-8")
    found = re.search(r'<pre id="measured">(.*?)</pre>', opened(copy, width=width), flags=re.S)
    assert found is not None
    return json.loads(unescape(found[1]))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    fit = synthetic_ensemble("coupled-tempered", "coupled-drift", draws=200)
    path = tmp_path_factory.mktemp("page") / "page.html"
    rig = bs.Rig(price=2.5)
    return bs.report(fit, path, flops=1e23, target_loss=1.95, rig=rig, value=1e7)


@pytest.mark.parametrize("width", [390, 768, 1280])
def test_nothing_is_cut(page: Path, width: int) -> None:
    found = measured(page, width)
    assert found["page"] <= 0
    assert found["wide"] == []


def test_a_phone_has_its_own_figures_and_short_rows(page: Path) -> None:
    phone, screen = measured(page, 390), measured(page, 1280)
    assert phone["pictures"] != screen["pictures"]
    assert screen["tallest"] < 120


def test_the_curve_tells_what_python_does(page: Path) -> None:
    asked = "#what-if?flops=4e23&params=5e10&target=1.95&price=2.5&look=1e23"
    text = opened(page, asked=asked)
    (tag,) = re.findall(r'<p id="whatif-look"[^>]*>', text)
    told = {name: float(value) for name, value in re.findall(r'data-(\w+)="([^"]+)"', tag)}
    assert told["params"] == pytest.approx(5e10)
    fit = synthetic_ensemble("coupled-tempered", "coupled-drift", draws=200)
    expected = losses(fit, told["params"], told["flops"])
    for name, level in (("low", 0.05), ("value", 0.5), ("high", 0.95)):
        assert told[name] == pytest.approx(np.quantile(expected, level), rel=1e-5)
    assert '<polygon class="wide-band"' in text
    assert text.count('<circle class="run"') == len(fit.runs)
    assert "run-0: " in text


def losses(fit: Posterior, params: float, flops: float) -> Any:
    """Losses of a new run by the draws in the page, with the deviations of the planned run."""
    planned = synthetic_plan()
    found = []
    for member in thin(fit, DRAWS).members.values():
        at = forecast_by_law(member, planned)
        there = forecast_by_law(member, {"params": params, "tokens": flops / 6 / params})
        found.append((there.noise_free * at.draws / at.noise_free)[:, 0])
    return np.concatenate(found)


def synthetic_plan() -> dict[str, float]:
    fit = synthetic_ensemble("coupled-tempered", "coupled-drift", draws=200)
    choice = fit.allocate(flops=1e23).choices[0]
    return {"params": choice.params, "tokens": choice.tokens}


def test_pages_of_one_input_fit_too(tmp_path: Path) -> None:
    path = bs.report(synthetic_fit("kaplan-n"), tmp_path / "page.html")
    found = measured(path, 390)
    assert found["page"] <= 0
    assert found["wide"] == []
