# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a report can prove the rows of a table, as far as the declared relation between the two tells. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..model import ReportType
from .model import Rule
from .table import Table


def objections(*, table: Table, rule: Rule, reports: Mapping[str, ReportType]) -> Iterator[str]:
    """Why the report cannot prove rows of the table."""
    report = reports.get(rule.report)
    if report is None:
        yield f"The archive has no report {rule.report!r}; it has {', '.join(sorted(reports)) or 'none'}."
        return
    own = {name.lower(): name for name in table.columns if name != table.rowid}
    mapped, derived = {name.lower() for name in rule.columns}, {name.lower() for name in rule.derived}
    of_day = rule.day_column.lower()
    computed = {name.lower() for name in table.generated} | ({table.key[0].lower()} if table.numbered else set())
    if unknown := sorted((mapped | derived) - own.keys()):
        yield f"{table.name} has no column {unknown[0]!r}, which its rule names; it has {', '.join(own.values())}."
    if missing := sorted(column for column in rule.columns.values() if report.columns and column not in report.columns):
        yield f"The report {report.name} has no column {missing[0]!r}; it has {', '.join(report.columns)}."
    day_cell = next((cell for name, cell in rule.columns.items() if name.lower() == of_day), "")
    if day_cell != report.day_column:
        yield f"columns must say that {rule.day_column} is {report.day_column!r}, the day of {report.name}."
    if lost := [name for low, name in own.items() if low not in mapped | derived | computed | {of_day}]:
        yield f"{', '.join(lost)} of {table.name} would be lost: {report.name} does not have it. Say under columns what it is there, or name it under derived."
