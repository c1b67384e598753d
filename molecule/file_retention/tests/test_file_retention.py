"""What a user sees of fleetdata prune once the role file_retention has declared its rules."""

from __future__ import annotations

import json
from typing import Any

COMMAND = "/usr/local/bin/fleetdata"


def prune(host: Any, *arguments: str, code: int = 0) -> dict[str, Any]:
    done = host.run(f"{COMMAND} prune --json {' '.join(arguments)}")
    assert (done.rc, done.stderr) == (code, ""), done.stdout + done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_w16_root_owns_the_rules_and_everybody_reads_them(host: Any) -> None:
    rules = host.file("/etc/steady-fleet/fleetdata.d/files.json")
    assert (rules.user, rules.group, rules.mode) == ("root", "root", 0o644)
    assert set(json.loads(rules.content_string)["files"]) == {"transcripts", "dumps"}


def test_a_folder_that_the_application_has_not_made_yet_is_no_failure(host: Any) -> None:
    host.run_expect([0], "rm -rf /srv/transcripts /srv/dumps /srv/copies")
    assert prune(host)["summary"]["files"] == 0


def test_shop10_w17_f51_old_transcripts_go_once_they_are_copied_and_closed(host: Any) -> None:
    host.run_expect([0], "rm -rf /srv/transcripts /srv/copies && mkdir -p /srv/transcripts/shop /srv/copies/shop")
    for name in ("copied", "not-copied", "open"):
        host.run_expect([0], f"echo {name} > /srv/transcripts/shop/{name}.json && touch -d '100 days ago' /srv/transcripts/shop/{name}.json")
    host.run_expect([0], "cp /srv/transcripts/shop/copied.json /srv/transcripts/shop/open.json /srv/copies/shop/")
    host.run_expect([0], "echo new > /srv/transcripts/shop/new.json && touch -d '1 day ago' /srv/transcripts/shop/new.json")
    host.run_expect([0], "systemd-run --quiet --unit=holder tail -f /srv/transcripts/shop/open.json")
    try:
        planned = prune(host, "transcripts", "--dry-run", code=8)
        done = prune(host, "transcripts", code=8)
    finally:
        host.run_expect([0], "systemctl stop holder")
    statuses = {row["path"].rsplit("/", 1)[1]: row["status"] for row in done["files"]}
    assert statuses == {"copied.json": "deleted", "not-copied.json": "stopped", "open.json": "in_use"}
    assert [(row["path"], row["bytes"]) for row in planned["files"]] == [(row["path"], row["bytes"]) for row in done["files"]]
    assert host.check_output("ls /srv/transcripts/shop").split() == ["new.json", "not-copied.json", "open.json"]


def test_shop13_f54_the_last_dumps_of_each_database_stay(host: Any) -> None:
    host.run_expect([0], "rm -rf /srv/dumps && mkdir /srv/dumps")
    for name in ("orders", "users"):
        for day in range(1, 5 if name == "orders" else 3):
            path = f"/srv/dumps/{name}-2026-01-0{day}.sql.gz"
            host.run_expect([0], f"echo {name} > {path} && touch -d '10 days ago' {path}")
    assert prune(host, "dumps")["summary"]["files"] == 2
    left = host.check_output("ls /srv/dumps").split()
    assert left == [f"{name}.sql.gz" for name in ("orders-2026-01-03", "orders-2026-01-04", "users-2026-01-01", "users-2026-01-02")]
    assert prune(host, "dumps")["summary"]["files"] == 0
