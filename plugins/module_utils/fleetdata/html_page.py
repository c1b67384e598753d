# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An HTML page that needs nothing else: no script, no font, no picture; it may be mailed or put anywhere."""

from __future__ import annotations

import html
from collections.abc import Iterable

from .table import clean


def page(*, title: str, style: str, body: Iterable[str]) -> str:
    """The whole document. title: escaped, as all of the body's texts have to be. style: CSS. body: its lines."""
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
            f"<title>{title}</title>",
            f"<style>{style}</style>",
            "</head>",
            "<body>",
            *body,
            "</body>",
            "</html>",
            "",
        ]
    )


def safe(text: str) -> str:
    """A text as a page may have it."""
    return html.escape(clean(text))
