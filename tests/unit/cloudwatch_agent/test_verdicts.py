"""A check that found something good is not made twice, and what it depends on is part of the name."""

from __future__ import annotations

import json
from pathlib import Path

import checkout
import pytest
from ansible import constants
from ansible_collections.steady.fleet.plugins.filter import cloudwatch_agent
from ansible_collections.steady.fleet.plugins.plugin_utils import cloudwatch, verdicts

SCHEMA = str(checkout.ROOT / "roles/cloudwatch_agent/files/schema.json")
GOOD = {"namespace": "Shop/Test", "interval": 60, "user": "cwagent", "region": "", "metrics": {"mem": {"measurement": ["mem_used_percent"]}}}


def test_the_parts_of_a_name_cannot_run_into_each_other() -> None:
    assert verdicts.digest([b"a", b"bc"]) != verdicts.digest([b"ab", b"c"])


def test_only_what_is_good_is_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "CONFIG_FILE", str(tmp_path / "ansible.cfg"))
    cloudwatch_agent._problems.cache_clear()
    assert not cloudwatch_agent.cloudwatch_agent_problems(GOOD, SCHEMA)
    bad = json.loads(json.dumps(GOOD).replace("mem_used_percent", "mem_usd_percent"))
    for _ in range(2):
        cloudwatch_agent._problems.cache_clear()
        assert cloudwatch_agent.cloudwatch_agent_problems(bad, SCHEMA)
    assert len(list((tmp_path / ".cache/steady-fleet/good").iterdir())) == 1

    def judged_again(*_: object, **__: object) -> list[str]:
        raise AssertionError("judged twice")

    monkeypatch.setattr(cloudwatch, "config_problems", judged_again)
    cloudwatch_agent._problems.cache_clear()
    assert not cloudwatch_agent.cloudwatch_agent_problems(GOOD, SCHEMA)
