"""The report as one HTML page that loads nothing from anywhere: the Markdown, rendered with all markup of others escaped."""

from __future__ import annotations

import base64
from html import escape

from suture.report.facts import Facts
from suture.report.markdown import to_markdown
from suture.report.plot import timeline_svg

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1c2733; }
h1, h2, h3 { line-height: 1.2; } h2 { border-bottom: 1px solid #d5dce3; padding-bottom: .2rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; } td, th { border: 1px solid #d5dce3; padding: .3rem .6rem; text-align: left; }
table { margin: 1rem 0; }
td, th { vertical-align: top; overflow-wrap: anywhere; }
pre { background: #f4f6f8; padding: .8rem; overflow-x: auto; }
img { max-width: 100%; }
"""
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}
</body>
</html>
"""


def to_html(facts: Facts, svg: str | None = None) -> str:
    """The page, with the time line inside it. `svg`: the picture when it was drawn already."""
    picture = base64.b64encode((svg or timeline_svg(facts)).encode()).decode()
    body = _render(to_markdown(facts, plot="timeline.svg"))
    # the picture's address is put in afterwards: Markdown allows no data of this sort in a link
    body = body.replace('src="timeline.svg"', f'src="data:image/svg+xml;base64,{picture}"')
    title = escape(f"Incident report: {facts.record.incident_id}")
    return _PAGE.format(title=title, style=_STYLE, body=body)


def _render(text: str) -> str:
    from markdown_it import MarkdownIt

    rendered: str = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)
    return rendered
