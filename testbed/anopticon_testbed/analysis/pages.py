"""An analysis as one page that needs nothing but the pictures beside it: no script, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

from anopticon_testbed.analysis.summary import Analysis
from anopticon_testbed.analysis.tables import tables

_HEAD: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Analysis of recordings</title><style>
:root{color-scheme:light}body{font:15px/1.5 system-ui,sans-serif;color:#22262b;background:#fff;
margin:2rem auto;max-width:60rem;padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2.2rem}.wide{overflow-x:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{padding:.25rem .7rem;text-align:right;white-space:nowrap}
th{border-bottom:1px solid #8a8f98;font-weight:600}
td:first-child,th:first-child{text-align:left}tr:nth-child(even) td{background:#f4f5f7}
img{max-width:100%;height:auto}p{max-width:48rem}
</style></head><body>
<h1>Analysis of recordings</h1>
"""


def as_html(analysis: Analysis, pictures: Sequence[tuple[str, str]]) -> str:
    """The tables and the pictures, as (title, file name of the PNG; the SVG beside it is what is shown)."""
    parts = [_HEAD]
    for title, headings, rows, remark in tables(analysis):
        parts.append(f"<h2>{escape(title)}</h2>\n")
        if rows:
            heads = "".join(f"<th>{escape(one)}</th>" for one in headings)
            body = "".join(
                "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>\n" for row in rows
            )
            parts.append(
                f'<div class="wide"><table><thead><tr>{heads}</tr></thead>\n<tbody>{body}</tbody></table></div>\n'
            )
        if remark:
            parts.append(f"<p>{escape(remark)}</p>\n")
    for title, name in pictures:
        picture = escape(name.removesuffix(".png") + ".svg")
        parts.append(f'<h2>{escape(title)}</h2>\n<img src="{picture}" alt="{escape(title)}">\n')
    return "".join([*parts, "</body></html>\n"])
