# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A view comes along where it shows the same rows in PostgreSQL, in the same order where it has one; any other is told."""

from __future__ import annotations

import datetime
from decimal import Decimal

import psycopg
import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.migration import Migration
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.plan import look
from planning import NOWHERE, database, fill, made, planned, told

_BASE = (
    "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE, Age INTEGER, paid DECIMAL(8, 2), ok BOOLEAN, born DATE, mixed STRING)",
    "CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id INTEGER, total REAL, note TEXT)",
    """INSERT INTO users VALUES (1, 'Anna', 30, 1.5, 1, '2000-01-01', 'a'), (2, 'bob', NULL, 2.25, 0, NULL, 7), (3, 'ÄRA', 41, NULL, 1, '1990-12-31', 2.5),
       (4, NULL, 30, 0.1, NULL, '1999-01-01', NULL)""",
    "INSERT INTO orders VALUES (1, 1, 9.5, 'x'), (2, 1, 0.5, 'Y'), (3, 3, 2.0, NULL), (4, 9, 1.0, 'x')",
)
SAME = (
    "SELECT * FROM users",
    "SELECT id, name AS n, Age + 1 older FROM users WHERE ok ORDER BY Age, id DESC",
    "SELECT u.*, o.total FROM users u JOIN orders AS o ON o.user_id = u.id ORDER BY o.id",
    "SELECT u.id, count(o.id) AS many, sum(o.total) AS spent, avg(o.total) FROM users u LEFT JOIN orders o ON o.user_id = u.id GROUP BY u.id ORDER BY u.id",
    "SELECT note, count(*) FROM orders GROUP BY note HAVING count(*) > 1 ORDER BY 1",
    "SELECT upper(note) AS big, max(total) FROM orders GROUP BY big ORDER BY big DESC",
    "SELECT DISTINCT note FROM orders",
    "SELECT count(*), min(Age), max(Age), total(paid), sum(Age) FROM users",
    "SELECT name FROM users WHERE name = 'ANNA' OR name LIKE 'B%'",
    "SELECT name, paid > 1 AS rich, ok FROM users ORDER BY name",
    "SELECT id FROM users UNION ALL SELECT id FROM orders",
    "SELECT note FROM orders UNION SELECT 'x'",
    "SELECT a.id AS one, b.id AS two FROM users a, users b WHERE a.id < b.id",
    "SELECT s.many FROM (SELECT user_id, count(*) AS many FROM orders GROUP BY user_id) AS s ORDER BY s.many, s.user_id",
    "SELECT id FROM users ORDER BY id DESC LIMIT 2 OFFSET 1",
    "SELECT mixed, born FROM users ORDER BY id",
    "SELECT 'x' AS letter, 1 + 1 AS two",
    'SELECT CASE WHEN Age > 30 THEN "old" ELSE \'young\' END AS word FROM users ORDER BY id;',
    "SELECT name FROM first ORDER BY id",
    "SELECT id, 1 AS k FROM users ORDER BY k, id DESC LIMIT 2",
    "SELECT count(*) AS many, 2 AS k FROM orders GROUP BY k ORDER BY k, 'x'",
)  # fmt: skip
REFUSED = (
    ("SELECT rowid FROM users", "no column"), ("SELECT name, count(*) FROM users", "GROUP BY"), ("SELECT name, count(*) FROM users GROUP BY name", "double"),
    ("SELECT DISTINCT name FROM users", "double"),
    ("SELECT group_concat(note) FROM orders", "group_concat"), ("SELECT id FROM users WHERE mixed = 'a'", "kinds"),
    ("WITH x AS (SELECT 1 AS a) SELECT a FROM x", "SELECT"), ("SELECT id FROM orders WHERE user_id IN (SELECT id FROM users)", "SELECT"),
    ("SELECT (SELECT 1) AS one", "SELECT"), ("SELECT row_number() OVER (ORDER BY id) FROM users", "row_number"), ("SELECT date(born) FROM users", "date"),
    ("SELECT * FROM users NATURAL JOIN orders", "NATURAL"), ("SELECT id FROM nowhere", "cannot read"), ("SELECT NULL AS a", "no type"),
    ("SELECT id FROM users EXCEPT SELECT 1", "EXCEPT"), ("SELECT strftime('%Y', born) AS y FROM users", "strftime"),
)  # fmt: skip


def shown(value: object) -> object:
    """One form for what both sides return."""
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, (bool, int, float, Decimal)):
        return float(value)
    return value


def test_mrpt11_views_show_the_same_rows(postgres: psycopg.Connection) -> None:
    statements = [f"CREATE VIEW v{place} AS {sql}" for place, sql in enumerate(SAME)]
    source = database(*_BASE, *reversed(statements), "CREATE VIEW first (id, name) AS SELECT Age, note FROM users JOIN orders ON user_id = users.id")
    plan = look(database=source, migration=Migration(name="app", database="app.db", target=NOWHERE))
    assert {code: one.what for code, one in told(plan).items() if code.startswith("view:")} == {}
    made(plan, postgres)
    fill(plan, source, postgres)
    for place, sql in enumerate(SAME):
        here, there = (connection.execute(f"SELECT * FROM v{place}") for connection in (source, postgres))
        assert [one[0] for one in there.description or ()] == [one[0] for one in here.description], sql
        rows = [[[_shown(value) for value in row] for row in cursor.fetchall()] for cursor in (here, there)]
        if "ORDER BY" not in sql:
            rows = [sorted(one, key=repr) for one in rows]
        assert rows[0] == rows[1], sql


def _shown(value: object) -> object:
    return float(value) if isinstance(value, str) and value in ("7", "2.5") else shown(value)


@pytest.mark.parametrize(("sql", "why"), REFUSED)
def test_mrpt11_a_view_that_may_show_others_is_told_and_left_out(sql: str, why: str) -> None:
    plan = planned(*_BASE, f"CREATE VIEW v AS {sql}")
    assert plan.views == ()
    assert why in told(plan)["view:v"].what
    assert [one.name for one in plan.left] == ["v"]


def test_mrpt11_views_that_need_a_view_that_is_left_out_are_left_out() -> None:
    plan = planned(*_BASE, "CREATE VIEW a AS SELECT * FROM b", "CREATE VIEW b AS SELECT rowid AS r FROM users", "CREATE VIEW c AS SELECT id FROM users")
    assert [view.name for view in plan.views] == ["c"]
    assert {"view:a", "view:b"} <= told(plan).keys()
