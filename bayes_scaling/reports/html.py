"""`report`: one self-contained HTML file that says what a fit says."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from bayes_scaling.errors import BayesScalingError
from bayes_scaling.escapes import escaped
from bayes_scaling.facade import Fit
from bayes_scaling.files import check_target, replacing
from bayes_scaling.intervals import PROBABILITY
from bayes_scaling.questions.limits import WITHOUT, Limits
from bayes_scaling.questions.rig import Rig
from bayes_scaling.questions.run_plan import RunPlan, read_run_plan
from bayes_scaling.reports.blocks import Section
from bayes_scaling.reports.markdown import to_markdown

if TYPE_CHECKING:
    from bayes_scaling.validation import Backtest


class ReportError(BayesScalingError, RuntimeError):
    """A report was written, and some of its sections could not be made.

    Parameters
    ----------
    path : Path
        The file; it shows an error in place of each of them.
    sections : tuple of Section
        Those that failed.
    """

    def __init__(self, path: Path, sections: tuple[Section, ...]) -> None:
        self.path, self.sections = path, sections
        lines = "".join(f"\n  - {section.title}: {section.error}" for section in sections)
        super().__init__(f"{path} was written without {len(sections)} of its sections{lines}")


def report(
    fit: Fit,
    path: str | Path = "report.html",
    *,
    flops: float | None = None,
    target_loss: float | None = None,
    family: str | None = None,
    limits: Limits = WITHOUT,
    rig: Rig | None = None,
    value: float | None = None,
    plan: RunPlan | str | Path | None = None,
    probability: float = PROBABILITY,
    title: str | None = None,
    command: str | None = None,
    backtest: Backtest | None = None,
    record: str | Path | None = None,
) -> Path:
    """Write a fit, its forecast and its allocation to one HTML file that needs nothing else.

    Parameters
    ----------
    fit : Fit
        The posterior.
    path : str or Path
        Where to; a file that is there is replaced once the new one is complete. One that ends
        in .md is written as Markdown, without figures.
    flops : float, optional
        The budget that is asked about [FLOP]; 100 times the largest run by default. A law of one
        input is asked at 100 times its largest value instead.
    target_loss : float, optional
        A loss to reach; its chance is then part of the verdict.
    family : str, optional
        The group to answer for, where the fit has several; all of them by default.
    limits : Limits, optional
        What the split stays within.
    rig : Rig, optional
        What compute costs: accelerator-hours and energy, and money where it has a price.
    value : float, optional
        What reaching the target is worth, in the currency of the rig: go, or no go.
    plan : RunPlan or path, optional
        A plan that says all this, in place of it (``bayes-scaling plan`` writes one to fill in).
    probability : float
        Probability of every interval.
    title : str, optional
        Heading of the page.
    command : str, optional
        The command that made it, for the provenance.
    backtest : Backtest, optional
        Forecasts of larger runs of the same table from smaller ones, shown beside the headline.
    record : path, optional
        A record of forecasts (``forecast --register``), shown as the track record.

    Returns
    -------
    Path

    Raises
    ------
    InputError
        An argument cannot be used; nothing is written.
    UnconvergedError
        The fit did not converge; nothing is written.
    ReportError
        The file was written, and a section could not be made.

    Examples
    --------
    >>> bs.report(fit, flops=1e23, target_loss=2.0, rig=bs.Rig(price=2.5))  # doctest: +SKIP
    """
    from bayes_scaling.figures.words import law_label
    from bayes_scaling.questions.record import read_record
    from bayes_scaling.reports.answers import ask, families
    from bayes_scaling.reports.contents import make_page, make_sections, numbers

    path = check_target(path)
    fit.require_converged()
    question = ask(
        fit,
        flops=flops,
        target_loss=target_loss,
        limits=limits,
        rig=rig,
        value=value,
        plan=plan if plan is None or isinstance(plan, RunPlan) else read_run_plan(plan),
        probability=probability,
    )
    family = family or question.family
    families(fit, family)
    known = read_record(record) if record is not None else None
    page = make_page(fit, question, family=family, command=command, backtest=backtest, record=known)
    sections = make_sections(page)
    heading = title or f"What {len(fit.runs)} runs say: a forecast by {law_label(fit)}"
    as_text = path.suffix == ".md"
    text = (
        to_markdown(heading, _banner(fit), sections)
        if as_text
        else render(fit, sections, heading, numbers(page))
    )
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    failed = tuple(section for section in sections if section.error)
    if failed:
        raise ReportError(path, failed)
    return path


def render(fit: Fit, sections: tuple[Section, ...], title: str, numbers: str = "{}") -> str:
    """Fill the template; every text is escaped there.

    Parameters
    ----------
    fit : Fit
        The posterior, for the banner.
    sections : tuple of Section
        What stands on the page.
    title : str
        Its heading.
    numbers : str
        What can be saved from the page, as JSON.

    Returns
    -------
    str
        The page.
    """
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    here = resources.files("bayes_scaling.reports")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["math"] = environment.filters["script"] = Markup
    template = environment.from_string(here.joinpath("template.html.j2").read_text("utf-8"))
    text = template.render(
        title=title,
        sections=sections,
        banner=_banner(fit),
        whatif=here.joinpath("whatif.js").read_text("utf-8"),
        script=here.joinpath("page.js").read_text("utf-8"),
        numbers=numbers,
        style=Markup(here.joinpath("report.css").read_text("utf-8")),
    )
    return escaped(text)


def _banner(fit: Fit) -> str:
    """Return what must be read before anything else; empty where all is well."""
    failed = "; ".join(str(check) for check in fit.checks if check.verdict == "fail")
    if fit.status == "unconverged":
        return f"The fit did not converge. Do not decide on these numbers. {failed}."
    if not fit.trustworthy:
        return f"A check of the fit failed. Resolve it before deciding on these numbers. {failed}."
    return ""
