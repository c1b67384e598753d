"""Runs on the host under test: kills the gate's return to the last good release at each event; the next converge must end it.

The declaration that follows is that of the good release, as of someone who has taken the bad one back: its link is then in place already.
"""

from __future__ import annotations

import os
from typing import Any

import kill_driver
from ansible_collections.steady.fleet.plugins.module_utils import release_gate, release_store
from ansible_collections.steady.fleet.plugins.module_utils.http_probe import Verdict

ROOT, UNIT = "/opt/killgate", "killgate.service"
GOOD, BAD = "a" * 12, "b" * 12


def declared(release: str) -> list[dict[str, Any]]:
    link = {"path": f"{ROOT}/current", "target": f"releases/{release}", "restarts": [UNIT]}
    return [{"scope": "python_app/killgate", "links": [link]}, {"scope": "unit", "units": [kill_driver.unit(UNIT, "1", f"{ROOT}/current/name")]}]


def returned(due: int) -> bool:
    """Let the return die before its event number ``due``; False where it has not that many."""
    gate = release_gate.Gate(root=ROOT, scope="python_app/killgate", host="host", units=[UNIT], keep=2)
    child = os.fork()
    if child == 0:
        kill_driver.Killer(due).install()
        release_gate._roll_back(gate, release_gate.Plan("roll_back", BAD, GOOD), Verdict("unit", "is not running"))
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def wrong(due: int) -> list[str]:
    found = []
    _, again = kill_driver.ready(declared(GOOD))
    with open(f"/run/kill/{UNIT}", encoding="utf-8") as stream:
        runs = stream.read().split()[-1]
    if runs != GOOD:
        found.append(f"event {due}: the process runs {runs}")
    if again.actions or again.record or sorted(os.listdir(ROOT)) != ["current", "releases"]:
        found.append(f"event {due}: {kill_driver.sentences(again)}, {os.listdir(ROOT)}")
    return found


def main() -> None:
    for release in (GOOD, BAD):
        path = release_store.release_path(ROOT, release)
        os.makedirs(path, exist_ok=True)
        with open(f"{path}/name", "w", encoding="utf-8") as stream:
            stream.write(f"{release}\n")
        release_store.write_record(path, release_store.Record(id=release, proved=release == GOOD))
    due = 0
    while True:
        kill_driver.converge(declared(BAD))
        if not returned(due):
            break
        kill_driver.converge(declared(GOOD))
        for sentence in wrong(due):
            print(sentence)
        due += 1
    print("events", due)


if __name__ == "__main__":
    main()
