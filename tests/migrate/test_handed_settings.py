"""What is declared of names, types and texts holds on the way over, at the cut-over, on the way back and over again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.errors import FleetDataError
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.limits import Silence
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate import state, steps
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.back import back
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.cutover import cutover
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.migration import BYTEA, Target
from handed_base import Base, base

SQLITE = """
    CREATE TABLE "Order Items" (id INTEGER PRIMARY KEY AUTOINCREMENT, amount TEXT, note TEXT, token TEXT UNIQUE, raw TEXT, due TEXT);
    CREATE TABLE tag (item INTEGER NOT NULL REFERENCES "Order Items" (id), word TEXT NOT NULL, PRIMARY KEY (item, word)) WITHOUT ROWID;
    CREATE TABLE scrap (a TEXT);
    INSERT INTO "Order Items" VALUES (1, '9.50', '', 'canary-1', CAST(x'610062' AS TEXT), '2026-01-02'), (2, '1', 'two', 'canary-2', 'plain', NULL),
        (3, '0.05', NULL, 'canary-3', NULL, '2026-02-28');
    INSERT INTO tag VALUES (1, 'red'), (1, 'Red'), (2, 'red');
    INSERT INTO scrap VALUES ('stays');
"""
SETTINGS: dict[str, Any] = {
    "schema": "shop", "include": ("Order*", "tag"), "tables": {"Order Items": "order_items"}, "columns": {"Order Items.due": "due_on"},
    "casts": {"Order Items.amount": "numeric(12,2)"}, "empty_as_null": ("Order Items.note",), "secret": ("*.token",), "on_text": BYTEA,
}  # fmt: skip
ITEMS = "SELECT id, amount::text, note, token, raw, due_on::text FROM shop.order_items ORDER BY id"
LITE = 'SELECT id, amount, note, token, CAST(raw AS BLOB), typeof(raw), due FROM "Order Items" ORDER BY id'


@pytest.fixture
def made(tmp_path: Path, target: Target) -> Base:
    one = base(tmp_path, target, SQLITE, **SETTINGS)
    answer = steps.migrate(one.how.migration, progress=Silence()).answer
    assert answer.code == 0, answer.text
    return one


def test_mrpt14_f64_settings_hold_over_and_back_and_over_again(made: Base) -> None:
    made.lite("""
        UPDATE "Order Items" SET note = '', amount = '12.30' WHERE id = 2; UPDATE "Order Items" SET raw = CAST(x'ff00' AS TEXT) WHERE id = 3;
        INSERT INTO "Order Items" VALUES (7, '3', 'seven', 'canary-7', 'x', '2026-03-01');
        DELETE FROM tag WHERE word = 'Red'; INSERT INTO tag VALUES (7, 'new');
    """)
    assert cutover(made.how).status == state.CUT_OVER
    over = [
        (1, "9.50", None, "canary-1", b"a\0b", "2026-01-02"), (2, "12.30", None, "canary-2", b"plain", None),
        (3, "0.05", None, "canary-3", b"\xff\0", "2026-02-28"), (7, "3.00", "seven", "canary-7", b"x", "2026-03-01"),
    ]  # fmt: skip
    assert made.server(ITEMS) == over
    assert steps.proved(made.how.migration, progress=Silence()).answer.code == 0
    made.server("UPDATE shop.order_items SET amount = 4, due_on = '2026-04-01' WHERE id = 1; UPDATE shop.order_items SET raw = 'more' WHERE id = 7")
    assert made.server("INSERT INTO shop.order_items (amount, note, token) VALUES (5.5, 'eight', 'canary-8') RETURNING id") == [(8,)]
    made.server("DELETE FROM shop.tag WHERE item = 2; INSERT INTO shop.tag VALUES (8, 'late')")
    over = made.server(ITEMS)
    assert back(made.how).status == state.BACK
    assert made.rows(LITE) == [
        (1, "4.00", "", "canary-1", b"a\0b", "text", "2026-04-01"), (2, "12.30", "", "canary-2", b"plain", "text", None),
        (3, "0.05", None, "canary-3", b"\xff\0", "text", "2026-02-28"), (7, "3", "seven", "canary-7", b"more", "text", "2026-03-01"),
        (8, "5.50", "eight", "canary-8", None, "null", None),
    ]  # fmt: skip
    assert made.rows("SELECT * FROM tag ORDER BY item") == [(1, "red"), (7, "new"), (8, "late")]
    assert made.rows("SELECT * FROM scrap") == [("stays",)]
    assert cutover(made.how).tables == (), "both sides have the same"
    assert made.server(ITEMS) == over


def test_f64_a_value_of_a_secret_column_is_in_no_message(made: Base) -> None:
    made.lite("UPDATE \"Order Items\" SET token = CAST(x'63616e617279ff' AS TEXT), amount = 'canary-amount' WHERE id = 2")
    with pytest.raises(FleetDataError) as refused:
        cutover(made.how)
    assert "amount" in str(refused.value)
    assert "canary" not in str(refused.value).replace("canary-amount", "")
