"""site.yml and status.yml say clearly what they cannot converge, and each other host goes on (X-REQ-1)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]
GONE, OFF, ODD = "gone_i-0123456789abcdef1", "off_i-0123456789abcdef2", "odd_i-0123456789abcdef3"


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    """One host at a port where nothing listens, one stopped instance, one without a System tag."""
    account = {"aws_owner_id": "123456789012"}
    hosts = {GONE: {"ansible_connection": "ansible.builtin.ssh", "ansible_host": "127.0.0.1", "ansible_port": 1, **account}, OFF: account}
    groups = {"catscan": {"hosts": hosts}, "aws_stopped": {"hosts": {OFF: {}}}, "aws_untagged": {"hosts": {ODD: {}}}}
    path = tmp_path / "hosts.yml"
    path.write_text(yaml.safe_dump({"all": {"children": groups}}))
    (tmp_path / "group_vars").symlink_to(ROOT / "group_vars")
    return path


def play(inventory: Path, playbook: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a playbook; the answer's stdout has its lines unfolded."""
    result = subprocess.run(
        [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(inventory), playbook, *arguments],
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_CACHE_PLUGIN": "memory", "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    result.stdout = " ".join(result.stdout.split())
    return result


@pytest.mark.parametrize("playbook", ["site.yml", "steady.fleet.site"])
def test_xreq1_what_cannot_be_converged_is_said(inventory: Path, playbook: str) -> None:
    result = play(inventory, playbook)
    assert result.returncode == 2
    assert f"{OFF}: the instance i-0123456789abcdef2 is stopped, so it was not converged. Start it with aws ec2" in result.stdout
    assert f"{GONE} cannot be reached at 127.0.0.1 port 1, so nothing was changed on it: Failed to connect" in result.stdout
    assert f"Not converged, as they carry no System tag: {ODD}. Tag each one" in result.stdout
    assert f"{ODD} : ok=1 changed=0 unreachable=0 failed=0" in result.stdout, "it only carries the summary"
    assert f"{OFF} - ' NOT CONVERGED" in result.stdout


def test_a_misspelt_variable_is_named_before_anything_changes(inventory: Path) -> None:
    result = play(inventory, "site.yml", "-e", "cron_jobs_lits=[]")
    assert "cron_jobs_lits is a variable that no role knows (did you mean cron_jobs_list?). Correct the spelling in group_vars" in result.stdout


def test_what_a_role_cannot_take_is_one_sentence_that_names_role_key_type_and_way_out(inventory: Path) -> None:
    result = play(inventory, "site.yml", "-e", '{"cron_jobs_list": "daily", "python_app_keep": "many"}')
    wrong = "role python_app: python_app_keep must be of type int, not str. Correct that in group_vars; roles/python_app/README.md says what it takes."
    assert f"{GONE}: {wrong} role cron_jobs: each item of cron_jobs_list must be of type dict, not str." in result.stdout
    assert "argument_spec" not in result.stdout


def test_xreq1_status_lists_every_host(inventory: Path, tmp_path: Path) -> None:
    answer = tmp_path / "status.json"
    assert play(inventory, "playbooks/status.yml", "-e", "output=json", "-e", f"output_file={answer}").returncode == 0
    states = {host: entry["state"] for host, entry in json.loads(answer.read_text()).items()}
    assert states == {GONE: "unreachable", OFF: "stopped", ODD: "untagged"}


def test_status_is_told_in_words(inventory: Path) -> None:
    told = play(inventory, "playbooks/status.yml").stdout
    for text in (f"{GONE} - ' UNREACHABLE", "port 1: Connection refused", f"{OFF} - ' stopped", f"{ODD} - ' untagged"):
        assert text in told
