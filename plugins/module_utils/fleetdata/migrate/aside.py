# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is no table: views, triggers, virtual tables."""

from __future__ import annotations

from collections.abc import Mapping

from .model import Named, Source
from .planned import TablePlan
from .told import Told


def left(*, source: Source, tables: Mapping[str, TablePlan], told: Told) -> tuple[Named, ...]:
    """What does not come along."""
    for trigger in source.triggers:
        what = f"trigger {trigger.name} does not come along; what it does has to be done by the application or a trigger of PostgreSQL"
        told.notice(f"trigger:{trigger.name}", trigger.table, what)
    for table in source.virtual:
        if table.name not in tables:
            told.notice(f"virtual:{table.name}", table.name, f"{table.name} is a virtual table ({table.kind}); it does not come along")
    return (*source.triggers, *(table for table in source.virtual if table.name not in tables))
