# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a value of SQLite becomes one of PostgreSQL: one name for each way, which the plan chooses, and which encoder and digest know."""

from __future__ import annotations

INTEGER = "integer"  # integers -> smallint, integer, bigint
FLOAT = "float"  # reals, and integers that a double has exactly -> double precision
NUMERIC = "numeric"  # integers, finite reals (as the shortest decimal that is the same double), decimal text -> numeric, numeric(p,s)
TEXT = "text"  # text -> text, varchar, char, citext, an enum
ANY_TEXT = "any text"  # text, and integers and reals as SQLite's CAST AS TEXT, reals as Python's repr -> the same
BYTES = "bytes"  # blobs, and text as its bytes in the database's encoding taken as UTF-8 -> bytea
BOOLEAN = "boolean"  # 0, 1, and the words of kinds.TRUE_WORDS, FALSE_WORDS, '0', '1' -> boolean
DATE, TIME = "date", "time"  # ISO text -> date, time
MOMENT = "moment"  # ISO text -> timestamp (no zone in the text), timestamptz (no zone: UTC)
SECONDS, MILLISECONDS, MICROSECONDS = "epoch seconds", "epoch milliseconds", "epoch microseconds"
# numbers -> timestamp, timestamptz (UTC): their exact value, to the nearest microsecond, half to even
JULIAN = "julian day"  # reals, integers -> timestamp, timestamptz (UTC), rounded to the millisecond as SQLite does
JSON_TEXT = "json"  # text that is JSON -> json (exact), jsonb (by value)
UUID = "uuid"  # text of 36 or 32 digits, blobs of 16 bytes -> uuid

ALL = (
    INTEGER, FLOAT, NUMERIC, TEXT, ANY_TEXT, BYTES, BOOLEAN, DATE, TIME, MOMENT, SECONDS, MILLISECONDS, MICROSECONDS, JULIAN, JSON_TEXT, UUID,
)  # fmt: skip
