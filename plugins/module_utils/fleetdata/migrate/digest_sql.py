# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The digest of ``canonical``, made by PostgreSQL itself of the rows that it stored. The database's encoding and the client's have to be UTF8."""

from __future__ import annotations

from collections.abc import Sequence

from ..sql import quoted, statement
from .canonical import compared, form_of, in_order
from .planned import ColumnPlan, TablePlan


def row_number_sql(columns: Sequence[ColumnPlan]) -> str:
    """SQL of the number of a row, a bigint, of those of its columns."""
    sent = ", ".join(form_of(column.type).sql.format(quoted(column.target)) for column in (columns[place] for place in in_order(columns)))
    return f"('x' || encode(substr(sha256(record_send(ROW({sent}))), 1, 8), 'hex'))::bit(64)::bigint"


def digest_sql(table: TablePlan, schema: str, *, where: str = "", columns: Sequence[ColumnPlan] = ()) -> str:
    """A query that gives count and sum as ``RowDigest`` of those columns does. where: SQL of a condition, its values in it, empty for all rows.

    To be executed without parameters: a ``%`` in a name is itself.
    """
    number = row_number_sql(columns or compared(table))
    return statement(
        f"SELECT count(*), coalesce(sum({number}), 0) FROM", f"{quoted(schema)}.{quoted(table.name)}", f"WHERE {where}" if where else ""
    )  # fmt: skip
