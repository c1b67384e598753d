"""MRPT-14, CTI-26, W-7: by hand: a plan, a run, its proof, a cut-over and the way back; and what is said where something is not as it should be."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.migration import Target
from migrate_calls import SECRET_TEXT, SECRETS, Call, clean, shop, to


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as database:
        for sql in statements:
            database.execute(sql)
        database.commit()


def test_mrpt14_cti26_a_database_is_brought_over_and_cut_over_by_hand(target: Target, postgres: psycopg.Connection, tmp_path: Path) -> None:
    database = shop(tmp_path / "shop.db")
    said = (database, *SECRETS, *to(target))
    assert Call("run", *said, "--dry-run").stdout.endswith("Nothing is in the way.\n")
    first = Call("run", *said, "--html", tmp_path / "run.html")
    assert (first.code, first.stderr) == (0, "")
    assert f"2 tables, 100 rows are in schema public of {target.said}, compared value by value." in first.stdout
    clean((tmp_path / "run.html").read_text())
    assert "loaded" in (tmp_path / "run.html").read_text()
    assert postgres.execute("SELECT count(*), min(token) FROM users").fetchone() == (50, f"{SECRET_TEXT}-1")
    again = Call("run", *said)
    assert (again.code, "nothing to do" in again.stdout) == (0, True)
    assert "2 tables, 100 rows compared value by value: all the same." in Call("verify", *said).stdout

    change(database, "INSERT INTO orders (user_id, amount) VALUES (1, 7)", "UPDATE users SET email = 'new@example.org' WHERE id = 2")
    differing = Call("verify", *said)
    assert differing.code == 5
    assert "2 differ" in differing.stdout
    would = Call("cutover", *said, "--dry-run", "--json").document
    assert (would["summary"]["came"], would["summary"]["dry_run"]) == (2, True)
    assert Call("cutover", *said).code == 0
    assert postgres.execute("SELECT count(*) FROM orders WHERE amount = 7").fetchone() == (1,)
    assert Call("cutover", *said, "--json").document["summary"]["status"] == "unchanged"
    assert Call("verify", *said).code == 0

    postgres.execute("INSERT INTO orders (user_id, amount) VALUES (2, 11)")
    back = Call("back", *said, "--json").document
    assert (back["summary"]["status"], back["summary"]["came"]) == ("back", 1)
    with closing(sqlite3.connect(database)) as old:
        assert old.execute("SELECT user_id FROM orders WHERE amount = 11").fetchall() == [(2,)]
    assert "would go" in Call("done", *said, "--dry-run").stdout
    assert "is gone" in Call("done", *said).stdout
    assert "is done already" in Call("done", *said).stdout
    assert Call("cutover", *said).stderr == f"fleetdata: {NEVER}\n"
    assert postgres.execute("SELECT count(*) FROM pg_namespace WHERE nspname LIKE '%steady%'").fetchone() == (0,)


NEVER = "The target knows of no migration 'shop': it was never loaded, or is done. Run fleetdata migrate run first."


def test_w7_what_the_server_says_of_a_secret_is_not_passed_on(target: Target, postgres: psycopg.Connection, tmp_path: Path) -> None:
    """A row that is put aside is missed by those that refer to it; PostgreSQL's error has the key in it, and another one the whole row."""
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE parents (code TEXT PRIMARY KEY, size INTEGER)")
        database.execute("CREATE TABLE children (id INTEGER PRIMARY KEY, code TEXT REFERENCES parents (code))")
        database.execute("INSERT INTO parents VALUES (?, 'large')", (SECRET_TEXT,))
        database.execute("INSERT INTO children VALUES (1, ?)", (SECRET_TEXT,))
        database.commit()
    said = (path, "--secret", "*.code", *to(target))
    missed = Call("run", *said, "--on-misfit", "quarantine")
    assert missed.code == 8
    assert "children_code_fkey" in missed.stderr
    change(path, "UPDATE parents SET size = 1")
    assert Call("run", *said).code == 0
    postgres.execute("ALTER TABLE children ADD CHECK (id < 2)")
    change(path, f"INSERT INTO children VALUES (2, '{SECRET_TEXT}')")
    assert "error 23514" in Call("cutover", *said).stderr


def test_what_is_there_under_another_name_is_told(target: Target, tmp_path: Path) -> None:
    said = (*SECRETS, *to(target))
    assert Call("run", shop(tmp_path / "shop.db"), *said).code == 0
    other = Call("run", shop(tmp_path / "other/shop.db"), *said, "--schema", "other")
    assert other.code == 2
    assert "keeps another migration of the name shop" in other.stderr


def test_w7_a_tampered_value_is_found_and_a_secret_one_is_not_shown(target: Target, postgres: psycopg.Connection, tmp_path: Path) -> None:
    said = (shop(tmp_path / "shop.db"), *SECRETS, *to(target))
    assert Call("run", *said).code == 0
    postgres.execute("UPDATE users SET token = token || '!' WHERE id = 5")
    found = Call("verify", *said, "--json")
    assert found.code == 5
    assert [table["status"] for table in found.document["tables"]] == ["differs", "same"]
    assert "users" in Call("verify", *said).stdout


def test_w7_what_is_in_the_way_is_told_as_the_plan_tells_it_and_nothing_is_loaded(target: Target, postgres: psycopg.Connection, tmp_path: Path) -> None:
    said = (shop(tmp_path / "shop.db", sound=False), *SECRETS, *to(target))
    planned, refused = Call("plan", *said), Call("run", *said)
    assert planned.code == refused.code == 8
    assert refused.stdout == planned.stdout
    assert postgres.execute("SELECT count(*) FROM pg_namespace WHERE nspname LIKE '%steady%'").fetchone() == (0,)


def test_w7_a_row_that_does_not_fit_is_put_aside_and_the_run_ends_partial(target: Target, postgres: psycopg.Connection, tmp_path: Path) -> None:
    database = shop(tmp_path / "shop.db")
    change(
        database,
        "UPDATE orders SET amount = 'n/a' WHERE id = 6",
        "DELETE FROM orders WHERE user_id = 3",
        f"UPDATE users SET pin = '{SECRET_TEXT}-pin' WHERE id = 3",
    )
    partial = Call("run", database, *SECRETS, *to(target), "--on-misfit", "quarantine", "--json")
    assert partial.code == 3
    assert partial.document["summary"]["misfits"] == 2
    assert {(one["table"], one["column"]) for one in partial.document["misfits"]} == {("orders", "amount"), ("users", "pin")}
    assert postgres.execute("SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM orders__misfit)").fetchone() == (48, 1)
