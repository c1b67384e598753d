# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What values a column really holds is counted, each one of them."""

from __future__ import annotations

import json
import math
import sqlite3
from collections import Counter

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate import kinds
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.survey import Values, survey
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention.rows import Text
from hypothesis import given
from hypothesis import strategies as st

SCALARS = st.one_of(
    st.none(),
    st.integers(min_value=-(2**63), max_value=2**63 - 1),
    st.floats(allow_nan=False),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    st.binary(max_size=5),
    st.sampled_from(["2026-01-31", "2026-02-30", "2026-01-31T10:00:00Z", "10:00", "1.5", "yes", "{}", '{"a": NaN}', "007", " 1"]),
)


def surveyed(values: list[object]) -> Values:
    database = sqlite3.connect(":memory:")
    database.text_factory = Text
    database.execute('CREATE TABLE t ("a ""b")')
    database.executemany("INSERT INTO t VALUES (?)", [(value,) for value in values])
    return survey(database=database, table="t", columns=['a "b'], number="rowid")['a "b']


@given(st.lists(SCALARS, max_size=20))
def test_mrpt12_every_value_is_counted_by_what_it_is(values: list[object]) -> None:
    found = surveyed(values)
    names = {int: "integer", float: "real", str: "text", bytes: "blob"}
    assert found.rows == len(values)
    assert found.nulls == sum(value is None for value in values)
    assert found.types == Counter(names[type(value)] for value in values if value is not None)
    integers = [value for value in values if isinstance(value, int)]
    assert (found.least, found.most) == (min(integers, default=None), max(integers, default=None))
    assert found.infinite == sum(isinstance(value, float) and math.isinf(value) for value in values)
    texts = [value for value in values if isinstance(value, str)]
    assert sum(found.texts.values()) == len(texts)
    assert found.longest == max((len(value) for value in values if isinstance(value, (str, bytes))), default=0)
    for kind, row in found.examples.items():
        value = values[row - 1]
        assert kind in (names[type(value)], kinds.kind_of(value.encode()) if isinstance(value, str) else "")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (b"", kinds.EMPTY),
        (b"2024-02-29", kinds.DATE),
        (b"2023-02-29", kinds.PLAIN),
        (b"0000-00-00", kinds.PLAIN),
        (b"2026-01-31 10:00", kinds.MOMENT),
        (b"2026-01-31T10:00:00.5", kinds.MOMENT),
        (b"2026-01-31 24:00:00", kinds.PLAIN),
        (b"2026-01-31T10:00:00Z", kinds.MOMENT_ZONE),
        (b"2026-01-31 10:00:00.123456 +05:30", kinds.MOMENT_ZONE),
        (b"2026-01-31T10:00:00.1234567", kinds.PLAIN),
        (b"10:00:59", kinds.TIME),
        (b"25:00", kinds.PLAIN),
        (b"6ba7b810-9dad-11d1-80b4-00c04fd430c8", kinds.UUID),
        (b"007", kinds.INTEGER),
        ("٣".encode(), kinds.PLAIN),
        (b"-.5", kinds.DECIMAL),
        (b"1e5", kinds.PLAIN),
        (b"NaN", kinds.PLAIN),
        (b'{"a": [1]}', kinds.JSON),
        (b"{a: 1}", kinds.PLAIN),
        (b"[NaN]", kinds.PLAIN),
        (b"Yes", kinds.BOOLEAN),
        (b"a\0b", kinds.NUL),
        (b"\xff", kinds.NOT_UTF8),
    ],
)
def test_mrpt12_what_a_text_says(text: bytes, kind: str) -> None:
    assert kinds.kind_of(text) == kind


@given(
    st.recursive(st.one_of(st.none(), st.booleans(), st.integers(), st.text()), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5)
)
def test_json_objects_and_arrays_are_json(value: object) -> None:
    expected = isinstance(value, (list, dict)) and b"\0" not in json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
    try:
        text = json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return
    assert (kinds.kind_of(text) == kinds.JSON) == expected


def test_a_table_without_rows_or_numbers() -> None:
    database = sqlite3.connect(":memory:")
    database.text_factory = Text
    database.execute("CREATE TABLE t (a TEXT PRIMARY KEY, b) WITHOUT ROWID")
    assert survey(database=database, table="t", columns=["a", "b"]) == {"a": Values(rows=0), "b": Values(rows=0)}
    database.executemany("INSERT INTO t VALUES (?, ?)", [("x", 1), ("z", "2")])
    found = survey(database=database, table="t", columns=["a", "b"])
    assert found["a"].examples == {kinds.PLAIN: 1}
    assert (found["b"].types, found["b"].examples) == ({"integer": 1, "text": 1}, {kinds.INTEGER: 2})
