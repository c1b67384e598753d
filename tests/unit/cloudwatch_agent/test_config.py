"""The agent's configuration: what is made, and what is refused before anything is written."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from ansible_collections.steady.fleet.plugins.plugin_utils.cloudwatch import (
    MEASUREMENTS,
    RETENTIONS,
    agent_config,
    config_problems,
)

ROLE = Path(__file__).parents[3] / "roles/cloudwatch_agent"
SCHEMA = ROLE / "files/schema.json"
DEFAULTS = yaml.safe_load((ROLE / "defaults/main.yml").read_text(encoding="utf-8"))


def settings(**changes: Any) -> dict[str, Any]:
    """Settings that are good, as the role gives them, with some changed."""
    good = {
        "namespace": "CatScan/Prod",
        "interval": DEFAULTS["cloudwatch_agent_interval"],
        "user": DEFAULTS["cloudwatch_agent_user"],
        "region": "",
        "metrics": copy.deepcopy(DEFAULTS["cloudwatch_agent_metrics"]),
        "log_files": [],
        "journal_units": [],
    }
    return {**good, **changes}


def problems(**changes: Any) -> list[str]:
    return config_problems(settings(**changes), schema_path=str(SCHEMA))


LOG = {"path": "/var/log/chatmrpt/gunicorn-error.log", "group": "/aws/ec2/chatmrpt/staging", "retention_days": 14}
UNIT = {"unit": "catscan-api.service", "group": "/aws/ec2/catscan/api", "retention_days": 30}


def test_f35_the_defaults_are_good_and_send_each_metric_once() -> None:
    assert problems() == []
    metrics = agent_config(settings())["metrics"]
    assert metrics["append_dimensions"] == {"InstanceId": "${aws:InstanceId}"}
    assert metrics["aggregation_dimensions"] == [["InstanceId"]]
    collected = metrics["metrics_collected"]
    for section in ("cpu", "disk"):  # these have dimensions of their own
        sent = [f"{section}_{name}" for name in collected[section]["measurement"]]
        assert collected[section]["drop_original_metrics"] == sent
    assert "resources" not in collected["cpu"], "one set of metrics for each core would be billed"
    assert collected["disk"]["drop_device"] is True


def test_cs45_disk_use_of_the_root_is_measured() -> None:
    disk = agent_config(settings())["metrics"]["metrics_collected"]["disk"]
    assert disk["measurement"] == ["used_percent"]
    assert disk["resources"] == ["/"]


def test_mrpt8_the_plan_of_chatmrpt_can_be_said() -> None:
    config = agent_config(settings(namespace="ChatMRPT/Staging", log_files=[LOG]))
    assert problems(namespace="ChatMRPT/Staging", log_files=[LOG]) == []
    assert config["metrics"]["namespace"] == "ChatMRPT/Staging"
    assert config["logs"]["logs_collected"]["files"]["collect_list"] == [
        {
            "file_path": "/var/log/chatmrpt/gunicorn-error.log",
            "log_group_name": "/aws/ec2/chatmrpt/staging",
            "log_stream_name": "{instance_id}/gunicorn-error.log",
            "retention_in_days": 14,
            "timezone": "UTC",
        }
    ]


def test_vdb11_two_units_of_the_journal_go_to_two_groups() -> None:
    units = [{"unit": f"vectordb-{name}.service", "group": f"/aws/ec2/vectordb-{name}", "retention_days": 30} for name in ("api", "worker")]
    assert problems(journal_units=units) == []
    collected = agent_config(settings(journal_units=units))["logs"]["logs_collected"]["journald"]["collect_list"]
    assert [(entry["units"], entry["log_group_name"]) for entry in collected] == [
        (["vectordb-api.service"], "/aws/ec2/vectordb-api"),
        (["vectordb-worker.service"], "/aws/ec2/vectordb-worker"),
    ]


def test_w16_the_agent_runs_as_a_user_of_its_own() -> None:
    assert agent_config(settings())["agent"]["run_as_user"] == "cwagent"
    assert problems(user="root")


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"metrics": {}, "log_files": [LOG]}, "metrics"),
        ({}, "logs"),
        ({"metrics": {}, "journal_units": [UNIT]}, "metrics"),
    ],
)
def test_a_part_that_collects_nothing_is_left_out(changes: dict[str, Any], part: str) -> None:
    assert part not in agent_config(settings(**changes))
    assert problems(**changes) == []


def test_the_region_is_said_only_when_given() -> None:
    assert "region" not in agent_config(settings())["agent"]
    assert agent_config(settings(region="eu-central-1"))["agent"]["region"] == "eu-central-1"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"metrics": {"dsik": {"measurement": ["used"]}}}, ["cloudwatch_agent_metrics.dsik", "did you mean disk?"]),
        ({"metrics": {"disk": {"mesurement": ["used"]}}}, ["cloudwatch_agent_metrics.disk.mesurement", "measurement?"]),
        ({"metrics": {"disk": {"measurement": ["used_prcent"]}}}, ["disk.measurement", "'used_prcent'", "used_percent?"]),
        ({"metrics": {"mem": {"measurement": [{"name": "usde"}]}}}, ["mem.measurement", "'usde'", "used?"]),
        ({"metrics": {"disk": {"measurement": ["used"], "drop_original_metrics": ["x"]}}}, ["drop_original_metrics", "'x'"]),
        ({"metrics": {"mem": ["used_percent"]}}, ["cloudwatch_agent_metrics.mem", "must have keys"]),
        ({"metrics": {"procstat": {"exe": "python"}}}, ["cloudwatch_agent_metrics.procstat", "list"]),
        ({"metrics": {"procstat": [{"measurement": ["cpu_usage"]}]}}, ["procstat[0]", "exactly one of"]),
        ({"metrics": {"procstat": [{"exe": "a", "pattern": "b", "measurement": ["pid"]}]}}, ["procstat[0]", "exactly one"]),
        ({"metrics": {"cpu": {}}}, ["metrics.metrics_collected.cpu", "'measurement' is a required property"]),
        ({"metrics": {"cpu": {"measurement": []}}}, ["cloudwatch_agent_metrics.cpu.measurement", "empty"]),
        ({"metrics": {"cpu": {"measurement": ["usage_idle"], "totalcpu": "yes"}}}, ["cpu.totalcpu", "boolean"]),
        ({"metrics": {"disk": {"measurement": ["used"], "resources": "/"}}}, ["disk.resources", "array"]),
        ({"interval": 0}, ["agent.metrics_collection_interval"]),
        ({"namespace": "AWS/EC2"}, ["cloudwatch_agent_namespace", "AWS/"]),
        ({"namespace": ""}, ["cloudwatch_agent_namespace", "no namespace"]),
        ({"metrics": {}}, ["nothing is collected"]),
        ({"log_files": [{**LOG, "retention_days": 13}]}, ["log_files[0]", "retention_days", "13", "14"]),
        ({"log_files": [{**LOG, "retention_days": 0}]}, ["retention_days", "0 days"]),
        ({"log_files": [{**LOG, "retention_days": -1}]}, ["retention_days", "-1 days"]),
        ({"log_files": [LOG, {**LOG, "path": "/b", "retention_days": 30}]}, ["log_files[1]", "same group", "14 days"]),
        ({"log_files": [LOG], "journal_units": [{**UNIT, "group": LOG["group"]}]}, ["journal_units[0]", "same group"]),
        ({"log_files": [LOG, LOG]}, ["log_files[1]", "twice"]),
        ({"log_files": [{**LOG, "path": "log/x.log"}]}, ["log_files[0]", "path", "relative"]),
        ({"log_files": [{**LOG, "group": "my group"}]}, ["log_files[0]", "group", "'my group'"]),
        ({"journal_units": [{**UNIT, "unit": "catscan-api"}]}, ["journal_units[0]", "catscan-api.service"]),
        ({"log_files": [{**LOG, "timestamp_format": 5}]}, ["timestamp_format", "string"]),
    ],
)
def test_f35_bad_settings_are_refused_by_key(changes: dict[str, Any], words: list[str]) -> None:
    found = problems(**changes)
    assert found, "accepted"
    assert any(all(word in sentence for word in words) for sentence in found), found


def test_f37_every_log_has_a_retention_that_cloudwatch_knows() -> None:
    for days in RETENTIONS:
        assert problems(log_files=[{**LOG, "retention_days": days}]) == []


@pytest.mark.parametrize("section", sorted(set(MEASUREMENTS) - {"procstat"}))
def test_everything_that_we_call_measurable_satisfies_the_schema(section: str) -> None:
    assert problems(metrics={section: {"measurement": sorted(MEASUREMENTS[section])}}) == []


def test_processes_can_be_measured() -> None:
    entry = {"pattern": "catscan.api:app", "measurement": sorted(MEASUREMENTS["procstat"])}
    assert problems(metrics={"procstat": [entry]}) == []


def test_the_shipped_schema_is_a_schema() -> None:
    jsonschema.Draft4Validator.check_schema(json.loads(SCHEMA.read_text(encoding="utf-8")))
