"""What a user sees on a host that the role cloudwatch_agent has converged."""

from __future__ import annotations

import json
from typing import Any

UNIT = "amazon-cloudwatch-agent.service"
CONFIG = "/opt/aws/amazon-cloudwatch-agent/etc/amazon-cloudwatch-agent.json"


def test_the_signed_agent_is_installed_and_runs(host: Any) -> None:
    assert host.package("amazon-cloudwatch-agent").version.startswith("1.300071.0")
    assert host.service(UNIT).is_enabled
    assert host.service(UNIT).is_running


def test_w16_the_agent_runs_as_its_own_user_which_may_read_logs(host: Any) -> None:
    process = host.check_output(f"systemctl show --property MainPID --value {UNIT}").strip()
    assert host.check_output(f"ps -o user= -p {process}") == "cwagent"
    assert {"adm", "systemd-journal"} <= set(host.user("cwagent").groups)
    assert host.user("cwagent").shell == "/sbin/nologin"


def test_cs44_mrpt8_the_agent_has_read_the_declared_configuration(host: Any) -> None:
    said = host.check_output(f"journalctl --unit {UNIT} --output cat --no-pager")
    assert "collecting cpu disk mem" in said


def test_f35_the_configuration_is_ours_and_only_the_agent_reads_it(host: Any) -> None:
    file = host.file(CONFIG)
    assert (file.user, file.group, file.mode) == ("cwagent", "cwagent", 0o640)
    config = json.loads(file.content_string)
    assert config["agent"] == {
        "metrics_collection_interval": 60,
        "region": "eu-central-1",
        "run_as_user": "cwagent",
    }
    assert config["metrics"]["namespace"] == "Molecule/Test"
    assert config["metrics"]["append_dimensions"] == {"InstanceId": "${aws:InstanceId}"}


def test_f37_every_log_group_has_a_retention(host: Any) -> None:
    collected = json.loads(host.file(CONFIG).content_string)["logs"]["logs_collected"]
    kept = {entry["log_group_name"]: entry["retention_in_days"] for kind in collected.values() for entry in kind["collect_list"]}
    assert kept == {"/aws/ec2/molecule/jobs": 30, "/aws/ec2/molecule/ssh": 14}


def test_f35_nothing_is_left_that_would_be_sent_twice(host: Any) -> None:
    assert host.run("ls -A /opt/aws/amazon-cloudwatch-agent/etc/amazon-cloudwatch-agent.d").stdout == ""


def test_no_download_is_left(host: Any) -> None:
    assert host.run("find /tmp /var/tmp /root -name 'cloudwatch-agent.*'").stdout == ""
    assert "gpg-agent" not in host.check_output("ps -e -o comm,args") or ("cloudwatch-agent." not in host.check_output("ps -e -o args"))
