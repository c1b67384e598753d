"""F67: nothing is left out of a check, and a check leaves nothing behind."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import checkout
import pytest
import yaml

FILES = [path for path in checkout.files() if path.suffix == ".yml" and path.parts[0] in {"roles", "playbooks"} and not path.is_symlink()]
TASKS = [path for path in FILES if path.parts[0] == "playbooks" or "tasks" in path.parts]


def tasks(node: Any) -> Iterator[dict[str, Any]]:
    """Every task, also within blocks and plays."""
    for item in node if isinstance(node, list) else []:
        if isinstance(item, dict):
            yield item
            for key in ("tasks", "pre_tasks", "post_tasks", "handlers", "block", "rescue", "always"):
                yield from tasks(item.get(key))


def conditions(task: dict[str, Any]) -> str:
    when = task.get("when", "")
    return " and ".join(map(str, when)) if isinstance(when, list) else str(when)


def skipped_in_a_check(task: dict[str, Any]) -> bool:
    return bool(re.search(r"not\s+ansible_check_mode", conditions(task)))


def only_in_a_check(task: dict[str, Any]) -> bool:
    return "ansible_check_mode" in conditions(task) and not skipped_in_a_check(task)


@pytest.mark.parametrize("path", TASKS, ids=str)
def test_f67_what_a_check_leaves_out_it_announces(path: Path) -> None:
    """A task that only a run does stands beside one that says, in a check, what the run would do."""
    found = list(tasks(yaml.load((checkout.ROOT / path).read_text(), Loader=yaml.BaseLoader)))
    left_out = [task.get("name") for task in found if skipped_in_a_check(task)]
    announced = [task for task in found if only_in_a_check(task) and task.get("changed_when") == "true"]
    assert len(left_out) <= len(announced), left_out


@pytest.mark.parametrize("path", TASKS, ids=str)
def test_f67_what_a_check_really_runs_only_reads(path: Path) -> None:
    for task in tasks(yaml.load((checkout.ROOT / path).read_text(), Loader=yaml.BaseLoader)):
        if task.get("check_mode") == "false":
            on_a_host = task.get("delegate_to") != "localhost"  # a report on the controller is what a check is for
            assert not on_a_host or task.get("changed_when") == "false" or "ansible.builtin.setup" in task, f"{path}: {task.get('name')}"


@pytest.mark.parametrize("path", [path for path in checkout.files() if path.parts[:2] == ("plugins", "modules") and path.suffix == ".py"], ids=str)
def test_f67_every_module_supports_check_mode(path: Path) -> None:
    text = (checkout.ROOT / path).read_text()
    assert "supports_check_mode=True" in text
    assert "check_mode: {support: full, " in text
