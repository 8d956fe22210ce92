"""The incident report: pure rendering of a finished story as Markdown, HTML and a plot. No I/O; secrets are taken out here."""

from suture.report.facts import Facts
from suture.report.html import to_html
from suture.report.markdown import to_markdown
from suture.report.plot import timeline_svg
from suture.report.proposals import proposals

__all__ = ["Facts", "proposals", "timeline_svg", "to_html", "to_markdown"]
