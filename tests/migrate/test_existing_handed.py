"""Cut-over, writing in PostgreSQL, the way back and a second cut-over of tables that the application made: other names, types, columns."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import psycopg
import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.errors import ConfigurationError, ContentError
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.limits import Silence
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate import state, steps
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.back import back
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.cutover import cutover
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.migration import INTO_EXISTING, Target
from handed_base import Base, base

SQLITE = """
    CREATE TABLE Users (id INTEGER PRIMARY KEY AUTOINCREMENT, mail TEXT, role TEXT, createdAt INTEGER, active INTEGER, note TEXT,
        old_flags TEXT NOT NULL DEFAULT '-');
    CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES Users (id), total REAL, tags TEXT);
    CREATE TABLE log (at INTEGER, line TEXT);
    CREATE TABLE scrap (a TEXT);
    INSERT INTO Users (id, mail, role, createdAt, active, note, old_flags) VALUES
        (1, 'a@x', 'user', 1767225600, 1, 'hi', 'q'), (2, 'b@x', 'admin', 1767225601, 0, NULL, '-'), (3, 'c@x', 'user', 1767225602, 1, 'none', '-');
    INSERT INTO orders VALUES (1, 1, 9.5, '{"a": 1}'), (2, 2, 1.25, NULL), (3, 1, NULL, '[]');
    INSERT INTO log VALUES (1, 'x'), (1, 'x'), (2, 'y');
    INSERT INTO scrap VALUES ('stays');
"""
TABLES = """
    CREATE TYPE standing AS ENUM ('user', 'admin', 'guest');
    CREATE SEQUENCE of_orders;
    CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email varchar(40) UNIQUE, role standing NOT NULL, created_at timestamptz,
        active boolean NOT NULL, note text NOT NULL, tenant bigint NOT NULL, origin text NOT NULL DEFAULT 'web',
        shout text GENERATED ALWAYS AS (upper(note)) STORED);
    CREATE TABLE orders (id integer PRIMARY KEY DEFAULT nextval('of_orders'), user_id bigint NOT NULL REFERENCES users (id) ON DELETE CASCADE,
        total numeric(12,2), tags jsonb, weight real, CHECK (total < 1000));
    CREATE TABLE log (at bigint, line text, seen boolean DEFAULT false);
"""
SETTINGS: dict[str, Any] = {
    "mode": INTO_EXISTING, "exclude": ("scrap",), "columns": {"Users.mail": "email"}, "fill": {"users.note": "none", "users.tenant": "7"},
    "accept": ("missing:Users.old_flags",),
}  # fmt: skip


@pytest.fixture
def made(tmp_path: Path, target: Target, postgres: psycopg.Connection) -> Base:
    postgres.execute(TABLES)
    one = base(tmp_path, target, SQLITE, **SETTINGS)
    answer = steps.migrate(one.how.migration, progress=Silence()).answer
    assert answer.code == 0, answer.text
    return one


def _users(made: Base) -> list[tuple]:
    return made.server("SELECT id, email, role::text, extract(epoch FROM created_at)::bigint, active::int, note, tenant, origin FROM users ORDER BY id")


def test_mrpt14_f64_tables_of_the_application_are_handed_over_and_back_and_over_again(made: Base) -> None:
    assert steps.proved(made.how.migration, progress=Silence()).answer.code == 0, "NULL that was filled is no difference"
    made.lite("""
        UPDATE Users SET mail = 'A@x', note = NULL WHERE id = 1; INSERT INTO Users (mail, role, createdAt, active) VALUES ('d@x', 'user', 1767225609, 1);
        DELETE FROM orders WHERE id = 2; INSERT INTO orders VALUES (9, 4, 2.5, '{"b": [1]}'); DELETE FROM log WHERE rowid = 1; INSERT INTO log VALUES (5, 'z');
    """)
    assert cutover(made.how).status == state.CUT_OVER
    assert _users(made) == [
        (1, "A@x", "user", 1767225600, 1, "none", 7, "web"), (2, "b@x", "admin", 1767225601, 0, "none", 7, "web"),
        (3, "c@x", "user", 1767225602, 1, "none", 7, "web"), (4, "d@x", "user", 1767225609, 1, "none", 7, "web"),
    ]  # fmt: skip
    assert steps.proved(made.how.migration, progress=Silence()).answer.code == 0
    assert made.server("INSERT INTO orders (user_id) VALUES (1) RETURNING id") == [(10,)]
    made.server("INSERT INTO users (email, role, active, note, tenant, origin) VALUES ('e@x', 'guest', true, 'new', 8, 'app')")
    made.server("UPDATE users SET origin = 'mail', tenant = 9, role = 'admin' WHERE id = 2; UPDATE users SET tenant = 3 WHERE id = 3")
    made.server("UPDATE orders SET weight = 1.5, total = 3 WHERE id = 1; UPDATE orders SET weight = 2.5 WHERE id = 3; DELETE FROM log WHERE at = 2")
    before = _users(made)
    done = back(made.how)
    assert done.status == state.BACK
    assert any("users: tenant, origin is in PostgreSQL alone" in notice for notice in done.notices)
    assert made.rows("SELECT * FROM Users ORDER BY id") == [
        (1, "A@x", "user", 1767225600, 1, None, "q"), (2, "b@x", "admin", 1767225601, 0, None, "-"), (3, "c@x", "user", 1767225602, 1, "none", "-"),
        (4, "d@x", "user", 1767225609, 1, None, "-"), (5, "e@x", "guest", None, 1, "new", "-"),
    ]  # fmt: skip
    assert made.rows("SELECT * FROM orders ORDER BY id") == [(1, 1, 3, '{"a": 1}'), (3, 1, None, "[]"), (9, 4, 2.5, '{"b": [1]}'), (10, 1, None, None)]
    assert made.rows("SELECT * FROM scrap") == [("stays",)]
    made.lite("UPDATE Users SET active = 0 WHERE id IN (2, 5); UPDATE orders SET total = 4 WHERE id = 1; INSERT INTO orders (user_id) VALUES (5)")
    assert cutover(made.how).status == state.CUT_OVER
    assert _users(made) == [(*row[:4], 0, *row[5:]) if row[0] in (2, 5) else row for row in before], "and what PostgreSQL alone has is as it was"
    assert made.server("SELECT id, total::float, weight FROM orders ORDER BY id") == [
        (1, 4, 1.5),
        (3, None, 2.5),
        (9, 2.5, None),
        (10, None, None),
        (11, None, None),
    ]
    assert made.server("SELECT count(*) FROM pg_class WHERE relname IN ('came', 'kept')") == [(0,)]
    assert steps.end(made.how.migration, check=False).code == 0


def test_mrpt14_what_the_target_does_not_take_at_the_cut_over_is_named(made: Base) -> None:
    for script, says in (
        ("INSERT INTO orders VALUES (9, 1, 1000.5, NULL)", "orders_total_check"),
        ("INSERT INTO orders VALUES (9, 1, 1.125, NULL)", "orders, row with id 9: total"),
        ("INSERT INTO orders (id, total) VALUES (9, 1)", "user_id"),
        ("UPDATE Users SET role = 'king' WHERE id = 1", "king"),
        ("UPDATE Users SET mail = 'b@x' WHERE id = 1", "users_email_key"),
    ):
        before = made.rows("SELECT * FROM orders"), made.rows("SELECT * FROM Users")
        made.lite(script)
        with pytest.raises(ContentError, match=says):
            cutover(made.how)
        made.lite("DELETE FROM orders; DELETE FROM Users")
        with sqlite3.connect(made.path) as database:
            database.executemany("INSERT INTO orders VALUES (?, ?, ?, ?)", before[0])
            database.executemany("INSERT INTO Users VALUES (?, ?, ?, ?, ?, ?, ?)", before[1])
        database.close()
    assert cutover(made.how).tables == ()


def test_mrpt14_a_table_without_a_key_loses_nothing_that_postgresql_alone_has(made: Base) -> None:
    cutover(made.how)
    made.server("UPDATE log SET seen = true WHERE at = 2")
    back(made.how)
    made.lite("UPDATE log SET line = 'Y' WHERE at = 2")
    with pytest.raises(ContentError, match=r"log.* has no key in SQLite.*seen"):
        cutover(made.how)
    made.lite("UPDATE log SET line = 'y' WHERE at = 2; INSERT INTO log VALUES (7, 'q')")
    cutover(made.how)
    assert made.server("SELECT at, seen FROM log ORDER BY at") == [(1, False), (1, False), (2, True), (7, False)]


def test_mrpt14_a_fill_that_is_no_value_of_its_column_is_a_mistake(tmp_path: Path, target: Target, postgres: psycopg.Connection) -> None:
    postgres.execute(TABLES)
    for fill, says in (
        ({"users.tenant": "seven"}, "users.tenant is bigint, for which 'seven' is no value"),
        ({"users.role": "king"}, "users.role is standing"),
    ):
        one = base(tmp_path, target, SQLITE if not (tmp_path / "app.db").exists() else "", **{**SETTINGS, "fill": {**SETTINGS["fill"], **fill}})
        with pytest.raises(ConfigurationError, match=says):
            steps.plan(one.how.migration)
