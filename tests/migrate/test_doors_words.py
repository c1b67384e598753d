"""What a person at the command line reads: settings in the form that they can be given in, and what is wrong, where, and what to do next."""

from __future__ import annotations

import argparse
import io
import shlex
import sqlite3
from pathlib import Path

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata import cli
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate import chosen
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.spoken import as_arguments

SCRIPT = """
    CREATE TABLE orders (id INTEGER PRIMARY KEY, amount INTEGER, note TEXT);
    INSERT INTO orders VALUES (1, 5, 'x'), (2, 'abc', '');
    CREATE VIRTUAL TABLE docs USING fts5 (title, body); INSERT INTO docs VALUES ('a', 'b');
    CREATE VIRTUAL TABLE search USING fts5 (note, content='orders', content_rowid='id');
    CREATE VIRTUAL TABLE box USING rtree (id, a, b); INSERT INTO box VALUES (1, 2, 3);
"""


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "app.db"
    with sqlite3.connect(path) as made:
        made.executescript(SCRIPT)
    made.close()
    return path


def _said(tmp_path: Path, *words: str) -> tuple[int, str]:
    stdout, stderr = io.StringIO(), io.StringIO()
    code = cli.main(["migrate", *words, "--config", str(tmp_path / "none.json")], stdout=stdout, stderr=stderr)
    return code, " ".join((stdout.getvalue() + stderr.getvalue()).split())


@pytest.mark.parametrize(
    ("setting", "argument"),
    [
        ('accept: ["virtual:docs"]', "--accept virtual:docs"),
        ('casts: {"orders.amount": "numeric(12,2)"} or on_misfit: quarantine', "--cast 'orders.amount=numeric(12,2)' or --on-misfit quarantine"),
        ('fill: {"t.a": "a value"}, or ALTER TABLE t', "--fill 't.a=a value', or ALTER TABLE t"),
        ('columns: {"t.a": "b"} if it is that one, else ALTER TABLE "x"', '--rename t.a=b if it is that one, else ALTER TABLE "x"'),
        ('tables: {"a": "another name"}, or mode: into_existing where', "--rename 'a=another name', or --mode into_existing where"),
        ("on_text: replace (U+FFFD for what is wrong) or on_text: bytea", "--on-text replace (U+FFFD for what is wrong) or --on-text bytea"),
        ('empty_as_null: ["t.a"]', "--empty-as-null t.a"),
        ('exclude: ["a", "b c"] and {"no": 1}', "--exclude a --exclude 'b c' and {\"no\": 1}"),
        ('casts: {"broken', 'casts: {"broken'),
        ("GRANT CREATE ON SCHEMA \"public\"", "GRANT CREATE ON SCHEMA \"public\""),
    ],
)  # fmt: skip
def test_w4_a_setting_is_said_as_an_argument(setting: str, argument: str) -> None:
    assert as_arguments(setting) == argument


def test_w4_every_argument_that_is_said_is_one() -> None:
    parser = argparse.ArgumentParser()
    chosen.arguments(parser)
    said = as_arguments(
        'accept: ["virtual:docs"] casts: {"a.b": "text"} fill: {"a.b": "x y"} tables: {"a": "b"} exclude: ["a"] on_text: bytea mode: into_existing'
    )
    asked = parser.parse_args(["app.db", *shlex.split(said)])
    assert (asked.accept, asked.cast, asked.fill, asked.mode) == (["virtual:docs"], ["a.b=text"], ["a.b=x y"], "into_existing")


def test_w4_a_plan_of_a_file_tells_arguments(database: Path, tmp_path: Path) -> None:
    code, said = _said(tmp_path, "plan", str(database))
    assert code == 8
    assert "set: --cast orders.amount=text" in said
    assert "set: --accept virtual:docs" in said
    assert "accept: [" not in said
    code, said = _said(
        tmp_path, "plan", str(database), *shlex.split("--cast orders.amount=text --accept virtual:docs --accept virtual:box --accept nosuch:code")
    )
    assert code == 0
    assert "nosuch:code is accepted, but is no difference that there is" in said


def test_f62_what_becomes_of_virtual_tables_is_said(database: Path, tmp_path: Path) -> None:
    _, said = _said(tmp_path, "plan", str(database))
    assert 'CREATE TABLE "docs_rows" AS SELECT rowid AS id, "title", "body" FROM "docs"' in said
    assert "CREATE INDEX ON \"docs_rows\" USING gin (to_tsvector('simple', coalesce(\"title\", '') || ' ' || coalesce(\"body\", '')))" in said
    assert "CREATE INDEX ON \"orders\" USING gin (to_tsvector('simple', coalesce(\"note\", '')))" in said
    assert 'CREATE TABLE "box_rows" AS SELECT "id", "a", "b" FROM "box"' in said


def test_w4_the_contents_of_a_search_index_arrive_by_the_statement_that_the_plan_gives(database: Path, tmp_path: Path) -> None:
    with sqlite3.connect(database) as made:
        made.execute('CREATE TABLE "docs_rows" AS SELECT rowid AS id, "title", "body" FROM "docs"')
    made.close()
    code, said = _said(tmp_path, "plan", str(database), *shlex.split("--cast orders.amount=text --accept virtual:docs --accept virtual:box"))
    assert code == 0
    assert "docs_rows -> public.docs_rows: 1 row" in said


def test_w4_what_is_not_there_is_said_with_the_role_that_writes_it(tmp_path: Path) -> None:
    code, said = _said(tmp_path, "plan", "nosuch")
    assert (code, "let the role postgres_migration write it" in said, "s3_archive" in said) == (2, True, False)
    assert "Or name a SQLite database" in _said(tmp_path, "plan")[1]
    assert "is a directory" in _said(tmp_path, "plan", str(tmp_path))[1]
    (tmp_path / "empty.db").touch()
    assert "has no table to be migrated" in _said(tmp_path, "plan", str(tmp_path / "empty.db"))[1]


def test_w4_a_certificate_that_is_not_there_is_named(database: Path, tmp_path: Path) -> None:
    code, said = _said(tmp_path, "plan", str(database), "--target", "postgresql://a@localhost:1/b?sslrootcert=/nosuch.pem")
    assert code == 7
    assert "/nosuch.pem" in said or "refused" in said  # the address is tried first by some libraries
