"""Most is compared before the application is stopped: whatever it writes until then, and wherever, comes along all the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.backup.services import Services
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate import ahead, state
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.canonical import RowDigest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.cutover import BothWrittenError, cutover
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.migration import Target
from handed_base import Base, base

SCRIPT = """
    PRAGMA journal_mode = WAL;
    CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT, mark BLOB);
    CREATE TABLE log (at INTEGER, line TEXT);
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) INSERT INTO note SELECT i, 'text ' || i, x'00' FROM n;
    INSERT INTO log SELECT id, body FROM note; DELETE FROM log WHERE at % 2;
"""
EDITS = [
    "",
    "UPDATE note SET body = 'other' WHERE id IN (1, 100, 101, 1000)",
    "UPDATE note SET mark = CAST('' AS BLOB), body = NULL WHERE id = 500",
    "INSERT INTO note VALUES (-9223372036854775808, 'first', NULL), (9223372036854775807, 'last', NULL)",
    "DELETE FROM note WHERE id BETWEEN 90 AND 410; INSERT INTO note (body) VALUES ('new')",
    "DELETE FROM note; DELETE FROM log",
    "UPDATE note SET id = id + 5000 WHERE id < 300; UPDATE note SET id = -id WHERE id > 900",
    "UPDATE log SET line = 'x' WHERE at = 2; VACUUM",
    "UPDATE note SET body = (SELECT body FROM note AS o WHERE o.id = 201 - note.id) WHERE id IN (100, 101)",
]


def _stopped_after(made: Base, edit: str) -> Services:
    """An application that writes until it is stopped."""

    def ask(verb: str, _unit: str) -> str:
        if verb == "stop":
            made.lite(edit)
        return ""

    return Services(("shop.service",), ask=ask)


def _same(made: Base) -> None:
    assert made.server("SELECT id, body, mark FROM note ORDER BY id") == made.rows("SELECT id, body, mark FROM note ORDER BY id")
    assert made.server("SELECT at, line FROM log ORDER BY at") == made.rows("SELECT at, line FROM log ORDER BY at")


@pytest.mark.parametrize("before", ["", "UPDATE note SET body = 'since the load' WHERE id = 700"])
@pytest.mark.parametrize("edit", EDITS)
def test_f64_what_is_written_until_the_application_is_stopped_comes_along(edit: str, before: str, tmp_path: Path, target: Target) -> None:
    made = base(tmp_path, target, SCRIPT)
    made.load()
    made.lite(before)

    assert cutover(made.saying(services=_stopped_after(made, edit))).status == state.CUT_OVER
    _same(made)


def test_f64_with_the_application_stopped_only_what_changed_is_compared_anew(tmp_path: Path, target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    made = base(tmp_path, target, SCRIPT.replace("INSERT INTO log", "-- "))
    made.load()
    digested: list[int] = []
    numbers = RowDigest.numbers
    monkeypatch.setattr(RowDigest, "numbers", lambda self, rows: digested.append(len(rows)) or numbers(self, rows))

    def ask(verb: str, _unit: str) -> str:
        if verb == "stop":
            made.lite("UPDATE note SET body = 'other' WHERE id = 250")
            digested.clear()
        return ""

    cutover(made.saying(services=Services(("shop.service",), ask=ask)))
    _same(made)
    assert sum(digested) <= 2 * ahead._ROWS + 4


def test_f64_nobody_writes_to_the_target_meanwhile_and_what_was_written_before_is_found(tmp_path: Path, target: Target) -> None:
    made = base(tmp_path, target, SCRIPT)
    made.load()

    def ask(verb: str, _unit: str) -> str:
        if verb == "stop":
            with pytest.raises(Exception, match="lock timeout"):
                made.server("SET lock_timeout = '100ms'; UPDATE note SET body = 'theirs' WHERE id = 3")
        return ""

    assert cutover(made.saying(services=Services(("shop.service",), ask=ask))).status == state.CUT_OVER
    _same(made)


def test_f64_rows_that_somebody_wrote_to_a_part_of_the_target_are_found(tmp_path: Path, target: Target) -> None:
    made = base(tmp_path, target, SCRIPT)
    made.load()
    made.server("UPDATE note SET body = 'theirs' WHERE id = 3")
    with pytest.raises(BothWrittenError, match="note"):
        cutover(made.how)


def test_f64_a_text_that_is_no_utf8_is_compared_with_all_of_its_table(tmp_path: Path, target: Target) -> None:
    made = base(tmp_path, target, f"{SCRIPT}; INSERT INTO note VALUES (2000, CAST(x'61ff' AS TEXT), NULL)", on_text="replace")
    made.load()

    cutover(made.saying(services=_stopped_after(made, "UPDATE note SET body = CAST(x'fe' AS TEXT) WHERE id = 5; UPDATE note SET body = 'b' WHERE id = 2000")))
    assert made.server("SELECT id, body FROM note WHERE id IN (5, 2000) ORDER BY id") == [(5, "�"), (2000, "b")]


def test_f64_a_text_that_is_no_utf8_may_come_last(tmp_path: Path, target: Target) -> None:
    made = base(tmp_path, target, SCRIPT, on_text="replace")
    made.load()

    cutover(made.saying(services=_stopped_after(made, "UPDATE note SET body = CAST(x'fe' AS TEXT) WHERE id = 5")))
    assert made.server("SELECT id, body FROM note WHERE id IN (4, 5, 6) ORDER BY id") == [(4, "text 4"), (5, "�"), (6, "text 6")]
