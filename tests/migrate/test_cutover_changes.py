"""The cut-over brings what was written since the load, and nothing else is touched."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.backup.services import Services
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.errors import ConfigurationError, ContentError
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.limits import Silence
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate import state, steps
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.back import back
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.cutover import BothWrittenError, cutover
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.migration import Target
from handed_base import Base, base

SHOP = """
    CREATE TABLE customer (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, email TEXT UNIQUE, created DATETIME);
    CREATE TABLE "order" (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customer (id) ON DELETE CASCADE, paid BOOLEAN, total REAL,
        net REAL GENERATED ALWAYS AS (total * 0.5) VIRTUAL, parent INTEGER REFERENCES "order" (id));
    CREATE TABLE setting (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
    CREATE TABLE log (at INTEGER, line TEXT);
    INSERT INTO customer VALUES (1, 'Ada', 'ada@example.org', '2026-01-02 03:04:05'),
        (2, 'Bo', NULL, '2026-01-02 03:04:06.5'), (5, 'Cy', 'cy@example.org', NULL);
    DELETE FROM customer WHERE id = 5;
    INSERT INTO "order" (id, customer_id, paid, total, parent) VALUES (1, 1, 1, 9.5, NULL), (2, 1, 0, 4.25, 1), (3, 2, NULL, 1.0, 2);
    INSERT INTO setting VALUES ('a', 'one'), ('b', '2');
    INSERT INTO log VALUES (1, 'same'), (1, 'same'), (1, 'same'), (2, 'other');
"""
CHANGES = """
    UPDATE customer SET email = 'bo@example.org' WHERE id = 1;
    UPDATE customer SET email = 'ada@example.org' WHERE id = 2;
    INSERT INTO customer (name, created) VALUES ('Di', '2026-02-02 00:00:00');
    DELETE FROM "order" WHERE id = 2;
    UPDATE "order" SET parent = 1 WHERE id = 3;
    INSERT INTO "order" (customer_id, paid, total) VALUES (6, 1, 7.5);
    DELETE FROM setting WHERE key = 'a'; INSERT INTO setting VALUES ('c', 'three');
    DELETE FROM log WHERE rowid = 2; INSERT INTO log VALUES (3, 'new');
"""


@pytest.fixture
def shop(tmp_path: Path, target: Target) -> Base:
    made = base(tmp_path, target, SHOP, accept=("generated:order.net",))
    made.load()
    return made


def _same(shop: Base) -> None:
    assert shop.server('SELECT id, customer_id, total, net, parent FROM "order" ORDER BY id') == shop.rows(
        'SELECT id, customer_id, total, net, parent FROM "order" ORDER BY id'
    )
    for query in ("SELECT id, name, email FROM customer ORDER BY id", "SELECT key, value FROM setting ORDER BY key", "SELECT at, line FROM log ORDER BY 1, 2"):
        assert shop.server(query) == shop.rows(query)


def test_f64_what_was_written_since_the_load_comes_along(shop: Base) -> None:
    shop.lite(CHANGES)
    keys = shop.server("SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint ORDER BY 1")
    done = cutover(shop.how)
    assert done.status == state.CUT_OVER
    assert {moved.table: (moved.came, moved.went, moved.rows) for moved in done.tables} == {
        "customer": (3, 2, 3), "order": (2, 2, 3), "setting": (1, 1, 2), "log": (1, 1, 4),
    }  # fmt: skip
    _same(shop)
    assert shop.server("SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint ORDER BY 1") == keys
    shop.server("INSERT INTO customer (name) VALUES ('next')")
    assert shop.server("SELECT max(id) FROM customer") == [(7,)], "behind the largest number that SQLite gave"
    assert cutover(shop.how).status == "unchanged", "and rows that were written there since are of no concern"


def test_f64_what_is_written_to_sqlite_after_a_cut_over_comes_along_with_another_one(shop: Base) -> None:
    cutover(shop.how)
    shop.lite(CHANGES)
    assert cutover(shop.saying(check=True)).status == "would be cut over"
    done = {moved.table: (moved.came, moved.went) for moved in cutover(shop.how).tables}
    assert done == {"customer": (3, 2), "order": (2, 2), "setting": (1, 1), "log": (1, 1)}
    _same(shop)
    shop.path.unlink()
    assert cutover(shop.how).status == "unchanged"


def test_f64_after_a_cut_over_rows_that_both_sides_got_are_told(shop: Base) -> None:
    cutover(shop.how)
    shop.lite("INSERT INTO log VALUES (8, 'of an application that was never switched')")
    shop.server("INSERT INTO log VALUES (9, 'of one that was')")
    with pytest.raises(BothWrittenError, match=r'"log" .* was written to since it was cut over \(4 rows then, 5 now\)'):
        cutover(shop.how)
    assert (shop.server("SELECT max(at) FROM log"), shop.rows("SELECT max(at) FROM log")) == ([(9,)], [(8,)])


def test_f64_a_number_that_sqlite_gave_is_not_given_again(shop: Base) -> None:
    shop.lite("INSERT INTO customer VALUES (90, 'x', NULL, NULL); DELETE FROM customer WHERE id = 90")
    assert cutover(shop.how).tables == ()
    shop.server("INSERT INTO customer (name) VALUES ('next')")
    assert shop.server("SELECT max(id) FROM customer") == [(91,)]


def test_f64_a_check_says_what_would_be_copied_while_the_application_writes(shop: Base) -> None:
    shop.lite("PRAGMA journal_mode = WAL")
    shop.lite(CHANGES)
    with closing(sqlite3.connect(shop.path)) as writer:
        writer.execute("BEGIN")
        writer.execute("SELECT count(*) FROM log").fetchone()
        done = cutover(shop.saying(check=True, services=Services(("never.service",), ask=lambda verb, _: f"{verb}: a check stops nothing")))
    assert done.status == "would be cut over"
    assert {moved.table: (moved.came, moved.went) for moved in done.tables} == {"customer": (3, 2), "order": (2, 2), "setting": (1, 1), "log": (1, 1)}
    assert shop.server("SELECT name FROM customer ORDER BY id") == [("Ada",), ("Bo",)]
    assert shop.server("SELECT state FROM steady_fleet.migration") == [("loaded",)]


def test_f64_vacuum_and_numbers_of_rows_are_of_no_concern(shop: Base) -> None:
    shop.lite("DELETE FROM log WHERE rowid = 1; INSERT INTO log VALUES (1, 'same'); VACUUM")
    assert cutover(shop.how).tables == ()


def test_f64_rows_that_somebody_wrote_to_the_target_are_not_overwritten(shop: Base) -> None:
    shop.server("INSERT INTO log VALUES (7, 'a test of the new side')")
    with pytest.raises(BothWrittenError, match=r'"log" .* was written to since it was loaded \(4 rows then, 5 now\)'):
        cutover(shop.how)
    assert shop.server("SELECT count(*) FROM log") == [(5,)]


def test_f64_a_value_that_does_not_fit_is_named_and_nothing_is_copied(shop: Base) -> None:
    shop.lite("INSERT INTO customer (name) VALUES ('fits'); INSERT INTO \"order\" (customer_id, total) VALUES (1, 'a lot')")
    with pytest.raises(ContentError, match=r"order, row with id 4: total \('a lot'\) is a text that is not a number; at the load, the column became double"):
        cutover(shop.how)
    assert shop.server("SELECT count(*) FROM customer") == [(2,)]


def test_f64_an_orphan_since_the_load_is_named(shop: Base) -> None:
    shop.lite('INSERT INTO "order" (customer_id) VALUES (77)')
    with pytest.raises(Exception, match=r"customer_id\)=\(77\) is not present"):
        cutover(shop.how)
    assert shop.server('SELECT count(*) FROM "order"') == [(3,)]


def test_f64_tables_that_changed_have_to_be_loaded_anew(shop: Base) -> None:
    shop.lite("ALTER TABLE log ADD COLUMN level TEXT; CREATE TABLE fresh (a)")
    with pytest.raises(ConfigurationError, match="log, fresh changed its declaration"):
        cutover(shop.how)


def test_f64_an_unknown_migration_is_said(tmp_path: Path, target: Target) -> None:
    with pytest.raises(ConfigurationError, match="knows of no migration 'app'"):
        cutover(base(tmp_path, target, SHOP).how)


def test_f64_triggers_of_the_target_do_not_run_and_are_as_before(shop: Base) -> None:
    shop.server("CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.line = 'touched'; RETURN NEW; END$$")
    shop.server("CREATE TRIGGER one BEFORE INSERT ON log FOR EACH ROW EXECUTE FUNCTION shout()")
    shop.server("CREATE TRIGGER two BEFORE INSERT ON log FOR EACH ROW EXECUTE FUNCTION shout()")
    shop.server("ALTER TABLE log DISABLE TRIGGER two")
    before = shop.server("SELECT tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1")
    shop.lite(CHANGES)
    cutover(shop.how)
    _same(shop)
    assert shop.server("SELECT tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1") == before


def test_f64_a_unit_is_stopped_and_started_again_only_when_it_fails(shop: Base) -> None:
    asked = []

    def ask(verb: str, names: object) -> str:
        asked.append(verb)
        return ""

    services = Services(("app.service",), ask=ask)
    shop.lite('INSERT INTO "order" (customer_id) VALUES (77)')
    with pytest.raises(Exception, match="not present"):
        cutover(shop.saying(services=services))
    assert asked == ["stop", "start"]
    shop.lite('DELETE FROM "order" WHERE customer_id = 77')
    cutover(shop.saying(services=services))
    assert asked == ["stop", "start", "stop"]


def test_f64_who_has_the_database_open_is_named(shop: Base, tmp_path: Path) -> None:
    proc = tmp_path / "proc"
    (proc / "77" / "fd").mkdir(parents=True)
    (proc / "77" / "comm").write_text("gunicorn\n")
    (proc / "77" / "fd" / "3").symlink_to(shop.path)
    with pytest.raises(Exception, match=r"is open in gunicorn \(process 77\)\. Nothing was changed"):
        cutover(shop.saying(proc=str(proc)))


def test_f64_a_writer_that_was_not_stopped_keeps_it_from_happening(shop: Base, tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    with closing(sqlite3.connect(shop.path, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        with pytest.raises(Exception, match="cannot be kept from being written to"):
            cutover(shop.saying(proc=str(tmp_path / "proc")))


def test_f61_rows_that_do_not_fit_since_the_load_are_put_aside_and_stay_where_they_are_on_the_way_back(tmp_path: Path, target: Target) -> None:
    made = base(tmp_path, target, "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER); INSERT INTO t VALUES (1, 5), (2, 6)", on_misfit="quarantine")
    steps.migrate(made.how.migration, progress=Silence())
    made.lite("INSERT INTO t VALUES (3, 'three'), (4, 7)")
    done = cutover(made.how)
    assert done.notices == ("t: 1 rows do not fit; they are in its table for misfits.",)
    assert [(moved.came, moved.went) for moved in done.tables] == [(1, 0)]
    assert made.server('SELECT "row", "column", cells::jsonb->>\'n\' FROM t__misfit') == [(3, "n", "three")]
    made.server("UPDATE t SET n = 8 WHERE id = 1")
    back(made.how)
    assert made.rows("SELECT * FROM t ORDER BY id") == [(1, 8), (2, 6), (3, "three"), (4, 7)]
    made.lite("UPDATE t SET n = 3 WHERE id = 3")
    cutover(made.how)
    assert made.server("SELECT count(*) FROM t__misfit") == [(0,)]
    assert made.server("SELECT n FROM t WHERE id = 3") == [(3,)]
