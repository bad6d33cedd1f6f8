"""The HTML report of a posterior: what is written, section by section."""

from bayes_scaling.reports.html import ReportError, report

__all__ = ["ReportError", "report"]
