"""What a run reports when a package of the same run brings units and files: the same as the check before it."""

from __future__ import annotations

from typing import Any

from ansible_collections.steady.fleet.plugins.action import host_state as action


def result(*sentences: str, unseen: tuple[str, ...] = ()) -> dict[str, Any]:
    plan = [dict(zip(("action", "kind", "name"), sentence.split(), strict=True)) for sentence in sentences]
    diff = [{"prepared": "".join(f"~ {sentence}: why\n" for sentence in sentences)}] if sentences else []
    return {"plan": plan, "diff": diff, "changed": bool(plan), "unseen": list(unseen)}


FIRST = result("install package cron", "create file /etc/cron.d/a", "enable unit cron.service", "start unit cron.service", unseen=("cron.service",))


def test_f67_what_the_package_itself_started_is_started_not_restarted() -> None:
    merged = action._merged(FIRST, result("create file /etc/cron.d/a", "restart unit cron.service"))
    assert merged["plan"] == FIRST["plan"]
    assert merged["diff"] == FIRST["diff"]


def test_f67_a_file_that_the_package_brought_is_created_not_changed() -> None:
    assert action._merged(FIRST, result("change file /etc/cron.d/a"))["plan"] == FIRST["plan"]


def test_f67_a_unit_that_ended_while_packages_were_installed_is_restarted_as_predicted() -> None:
    """Its file is gone, and systemd notices that when the package has it read all files anew."""
    first = result("install package cron", "create file /etc/systemd/system/a.timer", "enable unit a.timer", "restart unit a.timer")
    merged = action._merged(first, result("create file /etc/systemd/system/a.timer", "enable unit a.timer", "start unit a.timer"))
    assert merged["plan"] == first["plan"]
    assert merged["diff"] == first["diff"]


def test_f67_a_surprise_is_reported() -> None:
    merged = action._merged(FIRST, result("create file /etc/cron.d/a", "change file /etc/other"))
    assert merged["plan"][-1]["name"] == "/etc/other"
    assert merged["diff"][0]["prepared"].splitlines()[-1] == "~ change file /etc/other: why"
