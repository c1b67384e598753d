# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a file's header is the one that its report type declares."""

from __future__ import annotations

from collections.abc import Sequence

from .days import brief
from .model import ReportType


def header_columns(*, header: Sequence[str], report: ReportType) -> tuple[str, ...]:
    """The columns of ``header``. ValueError, with a sentence without its end, when they are not those of ``report``."""
    for place, name in enumerate(header, start=1):
        if not name:
            raise ValueError(f"column {place} of the header has no name")
        if name in header[: place - 1]:
            raise ValueError(f"the header has column {brief(name)} twice, as {header.index(name) + 1} and {place}")
    if report.columns:
        _compare(header, report)
    elif report.day_column and report.day_column not in header:
        raise ValueError(f"the header has no column {brief(report.day_column)}; it has {_listed(header)}")
    return tuple(header)


def _compare(header: Sequence[str], report: ReportType) -> None:
    missing = [name for name in report.columns if name not in header]
    unknown = [name for name in header if name not in report.columns]
    parts = []
    if missing:
        parts.append(f"lacks {_listed(missing)}")
    if unknown and not report.extra_columns:
        parts.append(f"has {_listed(unknown)}, not declared for {report.name}")
    if parts:
        raise ValueError(f"the header {' and '.join(parts)}")
    for place, (name, declared) in enumerate(zip(header, report.columns), start=1):
        if name != declared:
            raise ValueError(f"column {place} of the header is {brief(name)}, declared is {brief(declared)}: the columns are in another order")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(brief(name) for name in names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
