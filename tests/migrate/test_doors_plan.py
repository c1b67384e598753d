"""MRPT-14, F61: the plan is the report: every table and column, what it holds and becomes and why, and what is in the way together with the way out."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from html.parser import HTMLParser
from pathlib import Path

import psycopg
import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.migration import Target
from migrate_calls import SECRETS, Call, clean, shop, to


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    return shop(tmp_path / "app/shop.db", sound=False)


def test_mrpt14_the_plan_tells_every_column_and_what_is_in_the_way_first_and_last(broken: Path, tmp_path: Path) -> None:
    before = broken.read_bytes()
    call = Call("plan", broken, *SECRETS, "--html", tmp_path / "plan.html")
    assert call.code == 8
    lines = call.stdout.splitlines()
    assert max(map(len, lines)) <= 100
    assert lines[0] == f"{broken} -> PostgreSQL, schema public" or len(str(broken)) > 60
    assert sum(line.startswith(("To be resolved first: ", "To do: ")) for line in lines) == 2
    assert call.stdout.index("To be resolved first") < call.stdout.index("orders -> public.orders: 50 rows") < call.stdout.index("To do: ")
    for told in (
        "orders.amount",
        "49 integers from",
        "first in row 6",
        "orders.user_id",
        "trigger audit",
        "orders_user",
        "set: --cast orders.amount",
        "IDENTITY",
    ):
        assert told in call.stdout
    assert lines[-1].endswith("to be resolved before anything is loaded.")
    clean((tmp_path / "plan.html").read_text())
    assert broken.read_bytes() == before


def test_mrpt14_what_it_says_to_set_resolves_each(broken: Path) -> None:
    found = Call("--json", "plan", broken, *SECRETS)
    document = Call("plan", broken, *SECRETS, "--json").document
    assert found.document == document
    blocking = [one for one in document["differences"] if one["level"] == "blocks"]
    assert document["ok"] is False
    assert {(one["table"], one["column"]) for one in blocking} >= {("orders", "amount"), ("orders", "user_id"), ("users", "pin"), ("users", "token")}
    assert all(one["setting"] for one in blocking)
    accepted = [word for one in blocking if one["setting"].startswith("accept") for word in ("--accept", one["code"])]
    casts = ("--cast", "orders.amount=text", "--cast", "users.pin=text", "--on-text", "replace")
    resolved = Call("plan", broken, *SECRETS, *casts, *accepted)
    assert resolved.code == 0, resolved.stdout
    assert resolved.stdout.endswith("Nothing is in the way.\n")


def test_w7_values_of_secret_columns_are_in_no_form_of_the_plan(broken: Path) -> None:
    document = Call("plan", broken, *SECRETS, "--json").document  # Call looks for them in all that was written
    (users,) = [table for table in document["tables"] if table["table"] == "users"]
    values = {column["source"]: column["holds"] for column in users["columns"]}
    assert {"least", "most"} & values["pin"].keys() == set()
    assert values["id"]["most"] == 50
    assert values["pin"]["types"] == {"integer": 49, "text": 1}
    with pytest.raises(AssertionError):
        Call("plan", broken, "--json")  # without --secret the number's span is told, so the canary is worth something


def test_w4_the_plan_of_a_server_looks_at_it_and_writes_nothing(tmp_path: Path, target: Target, postgres: psycopg.Connection) -> None:
    database = shop(tmp_path / "shop.db")
    call = Call("plan", database, *SECRETS, *to(target))
    assert call.code == 0, call.stdout
    assert target.said in call.stdout.splitlines()[0] or target.said in call.stdout
    assert postgres.execute("SELECT count(*) FROM pg_namespace WHERE nspname LIKE '%\\_\\_steady' OR nspname = 'steady_fleet'").fetchone() == (0,)


def test_the_page_is_one_document_that_asks_for_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "odd.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute('CREATE TABLE "<script>alert(1)</script>" ("<b>" INTEGER, "a & b" TEXT DEFAULT \'<i>\')')
        database.execute('INSERT INTO "<script>alert(1)</script>" VALUES (1, 2)')
        database.commit()
    Call("plan", path, "--html", tmp_path / "plan.html")
    tags = Tags()
    tags.feed((tmp_path / "plan.html").read_text())
    assert {"script", "b", "i", "img", "link"} & tags.seen == set()
    assert tags.open == []
    assert {"h1", "h3", "table"} <= tags.seen


class Tags(HTMLParser):
    """The elements of a page, and those that were not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        if tag not in ("meta", "br"):
            self.open.append(tag)
        assert not any(name.startswith("on") or name in ("src",) for name, _ in attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_what_the_plan_says_is_one_json_document(tmp_path: Path) -> None:
    document = json.loads(Call("plan", shop(tmp_path / "shop.db"), *SECRETS, "--json").stdout)
    assert {"ok", "summary", "tables", "differences", "views", "left", "extensions", "seconds"} <= document.keys()
    assert document["summary"]["rows"] == 100
