# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan of an ordinary application's database, which PostgreSQL itself takes."""

from __future__ import annotations

import psycopg
from planning import made, planned

SHOP = (
    """CREATE TABLE customers (id INTEGER PRIMARY KEY AUTOINCREMENT, email VARCHAR(120) NOT NULL UNIQUE COLLATE NOCASE, "Full Name" TEXT, born DATE,
       active BOOLEAN NOT NULL DEFAULT 1, balance DECIMAL(10, 2) DEFAULT 0, score REAL, extra JSON, created_at DATETIME DEFAULT CURRENT_TIMESTAMP)""",
    """CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers ON DELETE CASCADE, up REFERENCES orders,
       note TEXT DEFAULT 'null', picture BLOB)""",
    "CREATE TABLE lines (order_id INTEGER, place INTEGER, sku TEXT, PRIMARY KEY (place, order_id)) WITHOUT ROWID",
    "CREATE INDEX lines_sku ON lines (sku DESC)",
    "CREATE UNIQUE INDEX one_note ON orders (note) WHERE note IS NOT NULL",
    """INSERT INTO customers (id, email, born, balance, score, extra) VALUES
       (7, 'A@example.org', '2000-02-29', 19.99, 1.5, '{"a": 1}'), (3, 'b@example.org', NULL, 3, -0.1, '[]')""",
    "INSERT INTO orders (id, customer_id, note) VALUES (1, 3, 'x')",
)


def test_mrpt11_an_ordinary_database_is_planned_without_a_question(postgres: psycopg.Connection) -> None:
    plan = planned(*SHOP)
    assert not plan.blocking
    assert list(plan.tables) == ["customers", "orders", "lines"]
    customers = {column.source: column for column in plan.tables["customers"].columns}
    assert {name: column.type for name, column in customers.items()} == {
        "id": "bigint", "email": "character varying(120)", "Full Name": "text", "born": "date", "active": "boolean", "balance": "numeric(10,2)",
        "score": "double precision", "extra": "json", "created_at": "timestamp without time zone",
    }  # fmt: skip
    assert (customers["id"].identity, customers["id"].next_number) == (True, 8)
    made(plan, postgres)
    postgres.execute("INSERT INTO customers (email) VALUES ('c@example.org'), ('d@example.org')")
    assert postgres.execute("SELECT id, active, balance FROM customers").fetchall() == [(8, True, 0), (9, True, 0)]
    postgres.execute("INSERT INTO orders (customer_id) VALUES (8)")
    assert postgres.execute("SELECT id, note FROM orders").fetchall() == [(2, "null")]
    try:
        postgres.execute("INSERT INTO customers (email) VALUES ('C@Example.org')")
    except psycopg.errors.UniqueViolation:
        return
    raise AssertionError("NOCASE was lost")
