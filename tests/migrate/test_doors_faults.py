"""W-4, W-7, MRPT-11, MRPT-12: what somebody does wrong by hand is told in a sentence with the way out; no password is ever in it."""

from __future__ import annotations

import socket
import sqlite3
from contextlib import closing
from pathlib import Path

import certifi
import psycopg
import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.migration import Target
from migrate_calls import SECRETS, Call, shop, to, url
from postgres_server import PASSWORD, Server


def refused(*words: object, code: int, **environment: str) -> str:
    """The one line that a call is refused with."""
    call = Call("plan", *words, **environment)
    assert (call.code, call.stdout) == (code, "")
    assert call.stderr.startswith("fleetdata: ")
    assert call.stderr.count("\n") == 1
    if "--target" in words:
        assert Call("run", *words, **environment).stderr == call.stderr
    return call.stderr


def test_no_file(tmp_path: Path) -> None:
    assert "is not there" in refused(tmp_path / "none.db", code=2)


def test_a_name_that_is_neither_a_file_nor_declared() -> None:
    assert "nosuch is no file here, so it has to be a declared migration. " in refused("nosuch", code=2)


@pytest.mark.parametrize("content", [b"Dear all,\nthis is a letter, not a database.\n" * 40, b"\x8a\x01\xfe" * 2000], ids=["a text", "encrypted"])
def test_what_is_no_database(tmp_path: Path, content: bytes, target: Target) -> None:
    path = tmp_path / "shop.db"
    path.write_bytes(content)
    assert "encrypted" in refused(path, *to(target), code=2)
    assert "encrypted database has to be exported by whoever has its key" in refused(path, code=2)


def test_a_database_without_a_table(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = WAL")
    assert "has no table to be migrated" in refused(path, code=2)


def test_mrpt12_a_wrong_password_is_told_without_it(tmp_path: Path, target: Target) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("canary-7f3d")
    said = refused(shop(tmp_path / "shop.db"), "--target", url(target), "--password-file", wrong, code=7)
    assert "password authentication failed" in said
    assert "password_file" in said


def test_a_password_file_that_is_not_there_or_empty(tmp_path: Path, target: Target) -> None:
    database, empty = shop(tmp_path / "shop.db"), tmp_path / "empty"
    empty.write_text("\n")
    assert "is empty" in refused(database, "--target", url(target), "--password-file", empty, code=2)
    assert "No such file" in refused(database, "--target", url(target), "--password-file", tmp_path / "none", code=2)


def test_a_password_may_come_by_the_environment(tmp_path: Path, target: Target) -> None:
    assert Call("plan", shop(tmp_path / "shop.db"), *SECRETS, "--target", url(target), PGPASSWORD=PASSWORD).code == 0


def test_a_server_that_is_not_there(tmp_path: Path, target: Target) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nobody = f"postgresql://me@127.0.0.1:{taken.getsockname()[1]}/shop"
        assert "cannot be used" in refused(shop(tmp_path / "shop.db"), "--target", nobody, "--password-file", target.password_file, code=7)


def test_mrpt11_w4_the_server_has_to_prove_who_it_is(tmp_path: Path, server: Server, target: Target) -> None:
    """verify-full is what holds where nothing is said: another authority, or another name, is refused."""
    database, password = shop(tmp_path / "shop.db"), ("--password-file", target.password_file)
    other = certifi.where()  # authorities, but none that signed the server's
    without = f"postgresql://mover@localhost:{server.port}/{target.database}"
    for address in (f"{without}?sslrootcert={other}", without, f"postgresql://mover@127.0.0.1:{server.port}/{target.database}?sslrootcert={server.authority}"):
        said = refused(database, "--target", address, *password, code=7, HOME=str(tmp_path))
        assert "certificate" in said
        assert "ssl_root_cert" in said
    assert Call("plan", database, *SECRETS, "--target", f"{without}?sslmode=require", *password, HOME=str(tmp_path)).code == 0


def test_a_role_that_may_not_make_a_schema_is_told_which_grant_it_needs(tmp_path: Path, server: Server, target: Target) -> None:
    with server.connect() as admin:
        admin.execute(f"CREATE ROLE guest LOGIN PASSWORD '{PASSWORD}'")
    guest = url(target).replace("mover@", "guest@")
    call = Call("plan", shop(tmp_path / "shop.db"), *SECRETS, "--target", guest, "--password-file", target.password_file)
    assert call.code == 8
    assert f'GRANT CREATE ON DATABASE "{target.database}" TO "guest"' in " ".join(call.stdout.split())
    assert 'GRANT CREATE, USAGE ON SCHEMA "public" TO "guest"' in " ".join(call.stdout.split())


def test_a_table_that_is_there_already_is_never_replaced(tmp_path: Path, target: Target, postgres: psycopg.Connection) -> None:
    postgres.execute("CREATE TABLE orders (id int); CREATE VIEW users AS SELECT 1")
    call = Call("plan", shop(tmp_path / "shop.db"), *SECRETS, *to(target))
    assert call.code == 8
    assert "public.orders is there already, a table" in call.stdout
    assert "public.users is there already, a view" in call.stdout
    assert Call("plan", shop(tmp_path / "shop2.db"), *SECRETS, *to(target), "--schema", "app").code == 0


def test_an_encoding_that_has_not_all_texts(tmp_path: Path, server: Server, target: Target) -> None:
    with server.connect() as admin:
        admin.execute("CREATE DATABASE latin OWNER mover ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
        call = Call("plan", shop(tmp_path / "shop.db"), *SECRETS, *to(target)[:1], url(target).replace(target.database, "latin"), *to(target)[2:])
        admin.execute("DROP DATABASE latin")
    assert call.code == 8
    assert "encoding is LATIN1" in call.stdout


def test_a_misspelt_argument(tmp_path: Path) -> None:
    assert "unrecognized arguments: --targt" in refused(tmp_path / "shop.db", "--targt", "x", code=2)
