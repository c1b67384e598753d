"""A command that must succeed runs when it has to, and only then."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from ansible_collections.steady.fleet.plugins.module_utils import command_gate, gate_glance
from ansible_collections.steady.fleet.plugins.module_utils.command_gate import CommandError, Gate, is_settled, run

NOON = 1_800_000_000.0
HOUR = 3600.0


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    """One that counts its runs, watches a file and a link, and fails while the file says so."""
    (tmp_path / "configuration").write_text("good")
    (tmp_path / "current").symlink_to("releases/one")
    (tmp_path / "count").touch()
    script = 'echo x >> "$0/count"; read said < "$0/configuration"; echo "it is $said"; test "$said" = good'
    command = ("/bin/sh", "-c", script, str(tmp_path))
    return Gate(name="probe", command=command, watch=(str(tmp_path / "configuration"), str(tmp_path / "current")), records=str(tmp_path / "gates"))


def runs(gate: Gate) -> int:
    return len((Path(gate.command[-1]) / "count").read_text().split())


def test_a_success_counts_until_it_is_old(gate: Gate) -> None:
    assert not is_settled(gate, now=NOON)
    for hours in (0, 1, 23.9):
        run(gate, now=NOON + hours * HOUR)
    assert runs(gate) == 1
    run(gate, now=NOON + 24 * HOUR)
    assert runs(gate) == 2
    assert is_settled(gate, now=NOON + 30 * HOUR), "its age is that of the last run"


@pytest.mark.parametrize("what", ["content", "target", "missing", "command", "clock", "record"])
def test_it_runs_again_when_what_it_judged_has_changed(gate: Gate, tmp_path: Path, what: str) -> None:
    run(gate, now=NOON)
    now = NOON + 1
    if what == "content":
        (tmp_path / "configuration").write_text("other")
    elif what == "target":
        (tmp_path / "current").unlink()
        (tmp_path / "current").symlink_to("releases/two")
    elif what == "missing":
        (tmp_path / "configuration").unlink()
    elif what == "command":
        gate = dataclasses.replace(gate, command=(*gate.command, "--more"))
    elif what == "clock":
        now = NOON - HOUR  # it was ahead when the record was written
    else:
        Path(gate.record).write_text("{")
    assert not is_settled(gate, now=now)


def test_a_failure_is_told_in_the_command_s_words_and_never_remembered(gate: Gate, tmp_path: Path) -> None:
    run(gate, now=NOON)
    (tmp_path / "configuration").write_text("bad")
    for _ in range(2):
        with pytest.raises(CommandError, match=r"ended with 1:\nit is bad$"):
            run(gate, now=NOON)
    assert runs(gate) == 3
    assert json.loads(Path(gate.record).read_text())["at"] == NOON


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (("/nonexistent/fleetdata", "check"), r"/nonexistent/fleetdata check cannot be started \(No such file or directory\)"),
        (("/bin/sleep", "60"), r"/bin/sleep 60 did not end within 0.1 s"),
        (("/bin/false",), r"it said nothing"),
    ],
)
def test_what_cannot_run_is_one_sentence(gate: Gate, command: tuple[str, ...], says: str) -> None:
    with pytest.raises(CommandError, match=says):
        run(dataclasses.replace(gate, command=command, timeout=0.1), now=NOON)


def test_what_is_watched_may_change_while_it_runs(gate: Gate, tmp_path: Path) -> None:
    """The record is of what the command saw when it began."""
    script = 'echo other > "$0/configuration"'
    gate = dataclasses.replace(gate, command=("/bin/sh", "-c", script, str(tmp_path)))
    run(gate, now=NOON)
    assert not is_settled(gate, now=NOON)


def test_a_glance_knows_it_from_a_release_s_gate(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    request = {"name": gate.name, "host": "web-1", "command": list(gate.command), "watch": list(gate.watch), "records": gate.records}
    monkeypatch.setattr(gate_glance.time, "time", lambda: NOON)
    assert not gate_glance.is_settled(request)
    run(command_gate.Gate(**{name: value for name, value in request.items() if name != "host"}), now=NOON)
    assert gate_glance.is_settled(request)
    assert not gate_glance.is_settled({**request, "unknown": 1})
