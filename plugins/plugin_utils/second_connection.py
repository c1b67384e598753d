# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prove a change that could lock everybody out by a new connection made after it, or see that the host takes it back.

The host's side is module_utils/host_state/guard.py.
"""

from __future__ import annotations

import copy
import json
import os
import select
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import connection_loader
from ansible_collections.steady.fleet.plugins.plugin_utils import run_lock

MODULE = "steady.fleet.host_state"
# ssh takes the first value of an option: whatever else is said of sharing connections, this one is not shared.
OF_ITS_OWN = "-o ControlMaster=no -o ControlPath=none"
GRACE_SECONDS = 30
OLD_WAY_SECONDS = 15
Result = dict[str, Any]


def settle(action: ActionBase, result: Result, variables: Mapping[str, Any]) -> Result:
    """Return the result of a converge, whose change, where it waits for its proof, is proved or taken back by then."""
    waiting = result.get("unproved")
    if not waiting or result.get("failed"):
        return result
    if action._task.check_mode:
        words = f"{waiting['what']} waits for the proof of an earlier run, and will be taken back in {waiting['seconds']} s without it"
        return {**result, "warnings": [*result.get("warnings", []), words]}
    answer = _bounded(_through_new_connection(action), "confirm", waiting, variables, seconds=max(3.0, waiting["seconds"] * 2 / 3))
    if answer.get("proof"):
        return {**result, "proof": answer["proof"]}
    outcome = _taken_back(action, waiting, variables)
    if outcome == "kept":
        return {**result, "proof": "a second connection, whose answer was lost"}
    return {**result, "failed": True, "msg": _sentence(waiting, said=_words(answer), outcome=outcome)}


def _sentence(waiting: Mapping[str, Any], *, said: str, outcome: str) -> str:
    failure = f"{waiting['what']}: a second connection failed after this change: {said.rstrip('. ')}."
    if outcome == "reverted":
        return f"{failure} The host took the change back and is as before. Correct what is declared there, then run again."
    return (
        f"{failure} Nor does the host answer now. It takes the change back by itself {waiting['seconds']} s after it was made, and at the next boot."
        " Try again in a minute; if that fails too, look at its console."
    )


def _taken_back(action: ActionBase, waiting: Mapping[str, Any], variables: Mapping[str, Any]) -> str:
    """Tell the host to take it back, by the connection in use if that still works, else by new ones until the time is over."""
    until = time.monotonic() + waiting["seconds"] + GRACE_SECONDS
    answer = _bounded(action, "abandon", waiting, variables, seconds=OLD_WAY_SECONDS)
    if "outcome" not in answer:
        with suppress(AnsibleError, OSError):  # what is stuck must not be what the next task talks through
            action._connection.reset()
    while "outcome" not in answer and time.monotonic() < until:
        time.sleep(1)
        answer = _bounded(_through_new_connection(action), "abandon", waiting, variables, seconds=OLD_WAY_SECONDS)
    return str(answer.get("outcome", ""))


def _through_new_connection(action: ActionBase) -> ActionBase:
    """The same action over a connection that nothing has used yet: same plugin, same options, same become."""
    old = action._connection
    new = connection_loader.get(
        old.ansible_name or old._load_name,
        action._play_context,
        new_stdin=None,  # plugins of older collections ask for it, as Ansible itself gives it to all
        task_uuid=action._task._uuid,
        ansible_playbook_pid=str(os.getppid()),
    )
    new.set_options(direct=old.get_options())
    new._shell = old._shell
    new.set_become_plugin(old.become)
    if new._load_name.rpartition(".")[2] == "ssh":
        new.set_option("ssh_args", f"{OF_ITS_OWN} {old.get_option('ssh_args') or ''}")
        new.set_option("reconnection_retries", 0)
    other = copy.copy(action)
    other._connection = new
    return other


def _bounded(action: ActionBase, phase: str, waiting: Mapping[str, Any], variables: Mapping[str, Any], *, seconds: float) -> Result:
    """Call the module in a process that can be ended: a forced command or a firewall may leave a connection open and mute."""
    arguments = {"phase": phase, "token": waiting["token"], "way": action._connection._load_name.rpartition(".")[2]}
    run = run_lock.identity(variables)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _call(action, arguments, run, variables, into=writing)
    os.close(writing)
    try:
        return _answer(reading, seconds)
    finally:
        os.close(reading)
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _call(action: ActionBase, arguments: Mapping[str, Any], run: Mapping[str, str], variables: Mapping[str, Any], *, into: int) -> None:
    """The child's whole life: one call, one answer. It never returns."""
    os.setsid()
    try:
        answer = run_lock.execute(action, module=MODULE, arguments=arguments, task_vars=dict(variables), run=run)
    except Exception as error:  # whatever it was, the connection has not proved itself; the words go into the sentence
        answer = {"failed": True, "msg": str(error)}
    with os.fdopen(into, "w", encoding="utf-8") as stream:
        json.dump({key: answer[key] for key in ("failed", "msg", "proof", "outcome", "module_stdout", "module_stderr") if key in answer}, stream)
    os._exit(0)


def _answer(reading: int, seconds: float) -> Result:
    until = time.monotonic() + seconds
    received = b""
    while True:
        ready, _, _ = select.select([reading], [], [], max(0.0, until - time.monotonic()))
        if not ready:
            return {"failed": True, "msg": f"no answer within {seconds:.0f} s"}
        part = os.read(reading, 65536)
        if not part:
            break
        received += part
    try:
        answer: Result = json.loads(received)
    except ValueError:
        return {"failed": True, "msg": "the connection ended without an answer"}
    return answer


def _words(answer: Mapping[str, Any]) -> str:
    """What the second connection said, on one line."""
    spoken = answer.get("module_stderr") or answer.get("module_stdout") or ""
    words = " ".join(str(answer.get("msg", "")).split())
    lines = [line.strip() for line in str(spoken).splitlines() if line.strip()]
    return f"{words} ({lines[-1][:200]})" if lines else words
