"""F12: what the controller says of its run, and how it sees that one of its own runs is gone."""

from __future__ import annotations

import os
import subprocess
from typing import Any

from ansible_collections.steady.fleet.plugins.plugin_utils import run_lock


class Host:
    """Stands for an action plugin: refuses the first call in the name of a holder."""

    def __init__(self, holder: str) -> None:
        self.calls: list[dict[str, Any]] = []
        self.holder = {"token": "01d00000", "process": holder}

    def _execute_module(self, *, module_name: str, module_args: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        self.calls.append(module_args["run"])
        return {"failed": True, "msg": "held", "holder": self.holder} if len(self.calls) == 1 else {"changed": True}


def execute(host: Host) -> dict[str, Any]:
    return run_lock.execute(host, module="steady.fleet.host_state", arguments={"phase": "apply"}, task_vars={})


def test_f12_a_dead_run_of_this_controller_ends_at_once() -> None:
    process = subprocess.Popen(["sleep", "60"])
    host = Host(run_lock._process(process.pid))
    process.kill()
    process.wait()
    assert execute(host) == {"changed": True}
    assert host.calls[1]["ended"] == "01d00000"


def test_f12_a_living_run_of_this_controller_is_waited_for() -> None:
    host = Host(run_lock._process(os.getpid()))
    execute(host)
    assert host.calls[1]["patient"] is True
    assert "ended" not in host.calls[1]


def test_f12_a_process_of_another_boot_counts_as_alive() -> None:
    host = Host("another-boot pid:[1] 1 1")
    execute(host)
    assert host.calls[1]["patient"] is True


def test_f12_all_calls_of_one_run_have_one_token_and_say_who() -> None:
    one, two = run_lock.identity({"ansible_play_name": "Converge"}), run_lock.identity({"awx_user_name": "alice", "steady_fleet_break_lock": "01d00000"})
    assert one["token"] == two["token"]
    assert len(one["token"]) == 8
    assert (one["play"], two["user"], two["breaks"]) == ("Converge", "alice", "01d00000")
