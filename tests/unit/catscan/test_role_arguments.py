"""What is wrong with a role's variables is said in one sentence each."""

from __future__ import annotations

from typing import Any

import checkout
import pytest
import yaml
from ansible_collections.steady.fleet.plugins.plugin_utils import role_arguments

ROLES = ("base", "python_app", "systemd_service", "cron_jobs", "cloudwatch_agent")


def options(role: str) -> dict[str, Any]:
    return dict(role_arguments.options_of(yaml.safe_load((checkout.ROOT / "roles" / role / "meta/argument_specs.yml").read_text())))


@pytest.mark.parametrize(
    ("role", "arguments", "said"),
    [
        ("python_app", {"python_app_name": "shop"}, ["python_app_source must be given"]),
        ("python_app", {"python_app_name": "shop", "python_app_source": {}, "python_app_units": {"a": 1}}, ["python_app_units must be of type list, not dict"]),
        (
            "python_app",
            {"python_app_name": "shop", "python_app_source": {}, "python_app_health": {"status": "fine"}},
            ["status in python_app_health must be of type int, not str"],
        ),
        ("cron_jobs", {"cron_jobs_list": "daily"}, ["each item of cron_jobs_list must be of type dict, not str"]),
        ("systemd_service", {"systemd_service_units": [{"name": "a", "user": "b", "kind": "command", "porrt": 1}]}, ["did you mean port?"]),
        ("systemd_service", {"systemd_service_units": [{"name": "a", "user": "b", "kind": "x"}]}, ["kind in systemd_service_units must be one of uvicorn"]),
        ("base", {"base_manage_swap": "perhaps"}, ["base_manage_swap must be of type bool, not str"]),
        ("base", {"base_manage_swap": "yes"}, []),
    ],
)
def test_problems(role: str, arguments: dict[str, Any], said: list[str]) -> None:
    found = role_arguments.problems(options(role), arguments)
    assert len(found) == len(said)
    assert all(words in sentence for words, sentence in zip(said, found, strict=True)), found


def test_a_role_is_judged_where_one_of_the_variables_that_it_requires_is_declared() -> None:
    assert role_arguments.is_declared(options("base"), [])
    assert not role_arguments.is_declared(options("python_app"), ["python_app_keep"])
    assert role_arguments.is_declared(options("python_app"), ["python_app_source"])


def test_a_misspelt_variable_is_named_with_the_one_that_was_meant() -> None:
    specifications = {role: options(role) for role in ROLES}
    assert list(role_arguments.unknown(specifications, ["base_timezone", "base_timezon", "shop_port"])) == [
        "base_timezon is a variable that no role knows (did you mean base_timezone?)"
    ]
