"""What the inventory asks EC2 for, and what it makes of the answer: counts, never times."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import checkout
import pytest
from ansible_collections.steady.fleet.plugins.plugin_utils.ec2_inventory import VARIABLES

from benchmarks.inventory.account import Account

AWS, LAB, STOCK = "inventories/aws_ec2.yml", "inventories/lab.aws_ec2.yml", "benchmarks/inventory/stock.aws_ec2.yml"
ALL = {"instance-state-name": ["pending", "running", "stopping", "stopped"]}


class Controller:
    """The command line, against the account, with caches of its own."""

    def __init__(self, fleet: Account, folder: Path) -> None:
        self.fleet = fleet
        self.environment = fleet.environment() | {
            "ANSIBLE_INVENTORY_CACHE_CONNECTION": str(folder / "inventory"),
            "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(folder / "facts"),
        }

    def run(self, *command: str, **environment: str) -> tuple[str, list[dict[str, Any]]]:
        """What the command says on either stream, its lines unfolded, and the requests that it made."""
        self.fleet.forget_requests()
        done = checkout.attempt(*command, **self.environment | environment)
        return " ".join((done.stdout + done.stderr).split()), self.fleet.requests()

    def hosts(self, *arguments: str, **environment: str) -> tuple[set[str], list[dict[str, Any]]]:
        """The Name tags of the hosts that ``ansible all`` would run on, and the requests."""
        said, requests = self.run("ansible", "all", "--list-hosts", "-i", AWS, *arguments, **environment)
        return {word.split("_i-")[0] for word in said.split() if "_i-" in word}, requests

    def listed(self, inventory: str, cwd: Path = checkout.ROOT) -> dict[str, Any]:
        """What ansible-inventory lists."""
        said = checkout.run("ansible-inventory", "-i", inventory, "--list", cwd=cwd, ANSIBLE_CONFIG=str(checkout.ROOT / "ansible.cfg"), **self.environment)
        answer: dict[str, Any] = json.loads(said)
        return answer


@pytest.fixture
def controller(fleet: Account, tmp_path: Path) -> Controller:
    return Controller(fleet, tmp_path)


def test_xreq1_one_system_is_one_request_for_that_system(controller: Controller) -> None:
    hosts, requests = controller.hosts("-l", "catscan")
    assert hosts == {"catscan-server", "catscan-old"}
    assert requests == [{"filters": {**ALL, "tag:System": ["catscan"]}, "instances": 4}]


def test_xreq1_site_asks_for_its_limit_only(controller: Controller) -> None:
    said, requests = controller.run("ansible-playbook", "-i", AWS, "site.yml", "-l", "catscan", "--list-hosts")
    assert "hosts (4)" in said
    assert requests == [{"filters": {**ALL, "tag:System": ["catscan"]}, "instances": 4}]


def test_two_systems_and_an_intersection(controller: Controller) -> None:
    hosts, requests = controller.hosts("-l", "catscan:zebra:&role_api")
    assert hosts == {"catscan-server", "zebra"}
    assert requests == [{"filters": {**ALL, "tag:System": ["catscan", "zebra"]}, "instances": 5}]


def test_a_host_is_asked_for_by_its_id(controller: Controller) -> None:
    said, _ = controller.run("ansible", "zebra", "--list-hosts", "-i", AWS)
    name = said.split()[-1]
    hosts, requests = controller.hosts("-l", name)
    assert hosts == {"zebra"}
    assert requests == [{"filters": {**ALL, "instance-id": [name.split("_")[1]]}, "instances": 1}]


def test_any_other_limit_asks_for_everything(controller: Controller) -> None:
    hosts, requests = controller.hosts("-l", "cat*:&env_prod")
    assert hosts == {"catscan-server", "catscan-old"}
    assert requests == [{"filters": ALL, "instances": 46}]


def test_beside_another_inventory_everything_is_asked_for(controller: Controller, tmp_path: Path) -> None:
    """Its group catscan has a child that EC2 knows nothing of."""
    (tmp_path / "more.yml").write_text("all: {children: {catscan: {children: {zebra: {}}}}}\n")
    hosts, requests = controller.hosts("-i", str(tmp_path / "more.yml"), "-l", "catscan")
    assert hosts == {"catscan-server", "catscan-old", "zebra"}
    assert [request["instances"] for request in requests] == [46]


def test_an_unknown_system_is_told_which_there_are(controller: Controller) -> None:
    said, requests = controller.run("ansible-playbook", "-i", AWS, "site.yml", "-l", "catscn", "--list-hosts")
    assert "No instance in eu-central-1 carries the tag System=catscn. Systems there: catscan, shopifly, zebra. Check the spelling after -l" in said
    assert [request["instances"] for request in requests] == [0, 46]
    assert "Traceback" not in said


def test_the_cache_knows_who_asked_for_what(controller: Controller) -> None:
    counts = [
        [request["instances"] for request in controller.hosts(*arguments, **environment)[1]]
        for arguments, environment in (
            (("-l", "catscan"), {}),
            (("-l", "catscan"), {}),
            ((), {}),
            ((), {"AWS_ACCESS_KEY_ID": "another-fake-key-that-opens-nothing"}),
            ((), {"AWS_REGION": "eu-west-1"}),
            (("--flush-cache",), {}),
            (("-l", "catscan"), {}),
        )
    ]
    assert counts == [[4], [], [46], [46], [0], [46], [4]]


def test_hosts_and_variables_are_those_of_aws_ec2_with_and_without_the_cache(controller: Controller) -> None:
    ours, cached, stock = controller.listed(AWS), controller.listed(AWS), controller.listed(STOCK)
    assert cached == ours
    groups = {"catscan", "shopifly", "zebra", "env_prod", "env_staging", "role_api", "aws_stopped", "aws_untagged"}
    assert {name: sorted(ours[name]["hosts"]) for name in groups} == {name: sorted(stock[name]["hosts"]) for name in groups}
    seen, expected = ours["_meta"]["hostvars"], stock["_meta"]["hostvars"]
    assert seen.keys() == expected.keys()
    names = [*VARIABLES.values(), "aws_ec2_tags"]
    for host, variables in seen.items():
        assert {name: plain(variables[name]) for name in names if name in variables} == {
            name: plain(expected[host][name]) for name in names if name in expected[host]
        }
        # Whoever may tag an instance must not thereby run code on the controller.
        assert variables["aws_instance_id"].keys() == {"__ansible_unsafe"}


def plain(value: Any) -> Any:
    """Without the marks of what is no template."""
    if isinstance(value, dict):
        return value.get("__ansible_unsafe") or {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


DECLARED = {
    "all": "where: all\nansible_host: nowhere\n",
    "catscan": "where: catscan\nwho: catscan\n",
    "zebra": "where: zebra\nwho: zebra\nansible_host: zebra\n",
    "role_api": "where: role\nwho: role\n",
    "env_prod": "where: environment\nansible_host: environment\n",
    "lab": "ansible_host: 127.0.0.1\n",
}


def test_the_lab_and_the_environment_win_over_every_system(controller: Controller, tmp_path: Path) -> None:
    """Ansible goes by the alphabet, in which zebra comes after lab."""
    (tmp_path / "lab.yml").write_text((checkout.ROOT / LAB).read_text())
    (tmp_path / "group_vars").mkdir()
    for group, text in DECLARED.items():
        (tmp_path / "group_vars" / f"{group}.yml").write_text(text)
    listed = controller.listed(str(tmp_path / "lab.yml"), cwd=tmp_path)["_meta"]["hostvars"]
    for host in ("catscan-server", "zebra"):
        (variables, *_) = [variables for name, variables in listed.items() if name.startswith(f"{host}_")]
        assert [variables[name] for name in ("where", "who", "ansible_host")] == ["environment", "role", "127.0.0.1"]


def test_xreq1_stopped_and_untagged_instances_are_reported(controller: Controller) -> None:
    said, _ = controller.run("ansible-playbook", "-i", AWS, "site.yml", "-l", "aws_stopped:aws_untagged")
    assert "is stopped, so it was not converged. Start it with aws ec2 start-instances --instance-ids i-" in said
    assert "Not converged, as they carry no System tag: stray_i-" in said
