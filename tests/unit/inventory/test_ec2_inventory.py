"""What a run asks EC2 for: never less than what its limit can mean. What an instance becomes."""

from __future__ import annotations

from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from ansible.inventory.manager import InventoryManager, split_host_pattern
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.inventory import to_safe_group_name
from ansible_collections.steady.fleet.plugins.inventory.ec2 import _snake
from ansible_collections.steady.fleet.plugins.plugin_utils import ec2_inventory
from ansible_collections.steady.fleet.plugins.plugin_utils.ec2_inventory import EVERYTHING, Host, Question
from hypothesis import given, settings
from hypothesis import strategies as st

ID = "i-0123456789abcdef0"


def instance(number: int = 0, state: str = "running", **tags: str) -> dict[str, Any]:
    return {
        "InstanceId": f"i-0123456789abcdef{number}",
        "State": {"Code": 16, "Name": state},
        "Placement": {"AvailabilityZone": "eu-central-1a", "GroupName": ""},
        "LaunchTime": datetime(2026, 11, 22, 8, 0, tzinfo=UTC),
        "OwnerId": "123456789012",
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
    }


def host(number: int = 0, state: str = "running", **tags: str) -> Host:
    return ec2_inventory.host(instance(number, state, **tags), region="eu-central-1", safe=to_safe_group_name, snake=_snake, reserved=["lab"])


@pytest.mark.parametrize(
    ("limit", "systems", "instance_ids"),
    [
        ("catscan", ["catscan"], []),
        ("catscan,shopifly", ["catscan", "shopifly"], []),
        ("catscan:shopifly", ["catscan", "shopifly"], []),
        ("catscan:&env_prod", ["catscan"], []),
        ("catscan:!aws_stopped", ["catscan"], []),
        (f"catscan-server_{ID}", [], [ID]),
        (ID, [], [ID]),
        (f"catscan,shop_{ID}", ["catscan"], [ID]),
    ],
)
def test_a_limit_of_names_asks_for_these(limit: str, systems: list[str], instance_ids: list[str]) -> None:
    assert ec2_inventory.question(split_host_pattern(limit)) == Question(systems=tuple(systems), instance_ids=tuple(instance_ids))


@pytest.mark.parametrize(
    "limit",
    ["", "all", "cat*", "~cat.*", "catscan[0]", "!catscan", "&catscan", "env_prod", "role_api", "aws_stopped", "lab", "localhost", "ungrouped", "@hosts.retry"]
    + ["catscan,cat*", "catscan,all", "cat-scan", "db.example.com", ",".join(f"system{number}" for number in range(201))],
)
def test_any_other_limit_asks_for_everything(limit: str) -> None:
    assert ec2_inventory.question(split_host_pattern(limit), reserved=["lab"]) == EVERYTHING


NAMES = ["catscan", "cat-scan", "cat_scan", "shopifly", "3scale", "all", "env_prod", "lab", "aws_stopped", "localhost", "", "größe"]
LIMIT_NAMES = [to_safe_group_name(name) for name in NAMES if name] + [
    "prod",
    "env_pre_prod",
    "role_db",
    "aws_untagged",
    "cat*",
    "~.*scan",
    "web_i-0123456789abcdef1",
]
PATTERNS = st.builds("".join, st.tuples(st.sampled_from(["", "", "", "&", "!"]), st.sampled_from(LIMIT_NAMES), st.sampled_from(["", "", "[0]"])))
INSTANCES = st.lists(
    st.fixed_dictionaries(
        {"System": st.sampled_from(NAMES)},
        optional={"Environment": st.sampled_from(["prod", "pre-prod"]), "Role": st.just("db"), "Name": st.sampled_from(["web", "catscan", "a b:c"])},
    ),
    max_size=6,
)


def answers(question: Question, asked: dict[str, Any]) -> bool:
    """Whether EC2 would return the instance."""
    tags = {tag["Key"]: tag["Value"] for tag in asked["Tags"]}
    values = {"instance-id": asked["InstanceId"], "instance-state-name": asked["State"]["Name"], "tag:System": tags["System"]}
    return any(all(any(fnmatchcase(values[one["Name"]], value) for value in one["Values"]) for one in request) for request in question.filters())


@settings(max_examples=200, deadline=None)
@given(tags=INSTANCES, patterns=st.lists(PATTERNS, min_size=1, max_size=4))
def test_no_host_of_a_limit_is_missed(tags: list[dict[str, str]], patterns: list[str]) -> None:
    """Ansible's own choice among all hosts, with and without what was not asked for."""
    instances = [instance(number, "stopped" if number == 2 else "running", **one) for number, one in enumerate(tags)]
    wanted = ec2_inventory.question(patterns, reserved=["lab"])
    chosen = []
    for known in (instances, [one for one in instances if answers(wanted, one)]):
        manager = InventoryManager(loader=DataLoader(), sources=None, parse=False)
        for one in known:
            made = ec2_inventory.host(one, region="eu-central-1", safe=to_safe_group_name, snake=_snake, reserved=["lab"])
            for group in (*made.groups, "lab"):
                manager.add_group(group)
                manager._inventory.add_host(made.name, group=group)
        manager.subset(patterns)
        chosen.append({found.name for found in manager.get_hosts()})
    # A subscript counts hosts in order, so it too needs the whole group.
    assert chosen[0] == chosen[1]


def test_an_instance_becomes_a_host() -> None:
    made = host(Name="catscan-server", System="catscan", Environment="prod", Role="api")
    assert made.name == "catscan-server_i-0123456789abcdef0"
    assert made.groups == ("catscan", "role_api", "env_prod")
    assert made.variables["aws_placement"] == {"availability_zone": "eu-central-1a", "group_name": "", "region": "eu-central-1"}
    assert made.variables["aws_launch_time"] == "2026-11-22T08:00:00+00:00"
    assert made.variables["aws_ec2_tags"]["Role"] == "api"


@pytest.mark.parametrize("tags", [{}, {"System": ""}, {"System": "all"}, {"System": "lab"}, {"System": "aws_stopped"}, {"System": "env_prod"}])
def test_xreq1_what_belongs_to_no_system_is_untagged(tags: dict[str, str]) -> None:
    assert host(**tags).groups == ("aws_untagged",)


def test_xreq1_what_does_not_run_is_in_a_group() -> None:
    assert host(state="stopped", System="catscan").groups == ("catscan", "aws_stopped")


def test_a_name_cannot_be_taken_for_a_pattern_or_a_path() -> None:
    assert host(Name="../a b,c:d", System="x").name == ".._a_b_c_d_i-0123456789abcdef0"
    assert host(System="x").name == "i-0123456789abcdef0"


def test_where_groups_differ_the_environment_wins() -> None:
    ranks = [ec2_inventory.priority(name) for name in ("zebra", "role_api", "env_prod")] + [ec2_inventory.LAST_WORD]
    assert ranks == sorted(set(ranks))


def test_the_documentation_names_every_variable() -> None:
    text = Path(ec2_inventory.__file__).parents[1].joinpath("inventory/ec2.py").read_text()
    assert [name for name in (*ec2_inventory.VARIABLES.values(), "aws_ec2_tags") if f"C({name})" not in text] == []
