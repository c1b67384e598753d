"""One declaration is seen whichever way it is reached; Ansible drops group_vars silently where this goes wrong."""

from __future__ import annotations

import json
from pathlib import Path

import checkout
import pytest

INVENTORY = """
all:
  children:
    catscan: {hosts: {probe: {ansible_connection: local}}}
"""
SHOW = """
- name: Show
  hosts: all
  gather_facts: false
  tasks:
    - name: Show what the groups say
      ansible.builtin.debug:
        msg: "seen=[{{ python_app_name | default('nothing') }}]"
    - name: Show where files come from
      ansible.builtin.debug:
        msg: "found=[{{ (playbook_dir ~ '/files/apps/catscan') is exists }}]"
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = checkout.copy(tmp_path_factory.mktemp("entry") / "fleet")
    (copy / "inventories" / "probe.yml").write_text(INVENTORY)
    (copy / "playbooks" / "site.yml").write_text(SHOW)
    return copy


@pytest.mark.parametrize("playbook", ["site.yml", "playbooks/site.yml", "steady.fleet.site"])
def test_group_vars_and_files_reach_the_play(copy: Path, playbook: str) -> None:
    shown = checkout.run("ansible-playbook", "-i", "inventories/probe.yml", playbook, cwd=copy)
    assert "seen=[catscan]" in shown
    assert "found=[True]" in shown


def test_group_vars_reach_the_inventory(copy: Path) -> None:
    shown = checkout.run("ansible-inventory", "-i", "inventories/probe.yml", "--host", "probe", cwd=copy)
    assert json.loads(shown)["python_app_name"] == "catscan"
