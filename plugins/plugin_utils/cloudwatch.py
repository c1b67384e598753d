# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The CloudWatch agent's configuration: made from a role's settings, and judged on the controller before anything is written."""

from __future__ import annotations

import difflib
import importlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

# What the agent 1.300071 can measure on Linux (its list of registered metrics, without the section's name in front).
_CPU_STATES = "active guest guest_nice idle iowait irq nice softirq steal system user".split()
_RLIMITS = ("cpu_time file_locks memory_data memory_locked memory_rss memory_stack memory_vms nice_priority num_fds realtime_priority signals_pending").split()
MEASUREMENTS: Mapping[str, frozenset[str]] = {
    "cpu": frozenset(f"{kind}_{state}" for kind in ("time", "usage") for state in _CPU_STATES),
    "disk": frozenset("free inodes_free inodes_total inodes_used total used used_percent".split()),
    "diskio": frozenset(
        "iops_in_progress io_time reads read_bytes read_time writes write_bytes write_time ebs_total_read_ops"
        " ebs_total_write_ops ebs_total_read_bytes ebs_total_write_bytes ebs_total_read_time ebs_total_write_time"
        " ebs_volume_performance_exceeded_iops ebs_volume_performance_exceeded_tp"
        " ebs_ec2_instance_performance_exceeded_iops ebs_ec2_instance_performance_exceeded_tp ebs_volume_queue_length"
        " instance_store_total_read_ops instance_store_total_write_ops instance_store_total_read_bytes"
        " instance_store_total_write_bytes instance_store_total_read_time instance_store_total_write_time"
        " instance_store_performance_exceeded_iops instance_store_performance_exceeded_tp"
        " instance_store_volume_queue_length".split()
    ),
    "mem": frozenset("active available available_percent buffered cached free inactive shared total used used_percent".split()),
    "net": frozenset("bytes_sent bytes_recv drop_in drop_out err_in err_out packets_sent packets_recv".split()),
    "netstat": frozenset(
        "tcp_close tcp_close_wait tcp_closing tcp_established tcp_fin_wait1 tcp_fin_wait2 tcp_last_ack tcp_listen"
        " tcp_none tcp_syn_sent tcp_syn_recv tcp_time_wait udp_socket".split()
    ),
    "processes": frozenset("blocked dead idle paging running sleeping stopped total total_threads wait zombies".split()),
    "procstat": frozenset(
        "cpu_time cpu_time_guest cpu_time_guest_nice cpu_time_idle cpu_time_iowait cpu_time_irq cpu_time_nice"
        " cpu_time_soft_irq cpu_time_steal cpu_time_stolen cpu_time_system cpu_time_user cpu_usage"
        " involuntary_context_switches memory_data memory_locked memory_rss memory_stack memory_swap memory_vms"
        " nice_priority num_fds num_threads pid pid_count read_bytes read_count realtime_priority signals_pending"
        " voluntary_context_switches write_bytes write_count".split()
    )
    | {f"rlimit_{name}_{kind}" for name in _RLIMITS for kind in ("hard", "soft")},
    "swap": frozenset("free used used_percent".split()),
}
_COMMON_KEYS = frozenset({"measurement", "metrics_collection_interval", "append_dimensions", "drop_original_metrics"})
_FURTHER_KEYS: Mapping[str, frozenset[str]] = {
    "cpu": frozenset({"resources", "totalcpu"}),
    "disk": frozenset({"resources", "drop_device", "ignore_file_system_types"}),
    "diskio": frozenset({"resources"}),
    "net": frozenset({"resources"}),
    "procstat": frozenset({"exe", "pattern", "pid_file"}),
}
# The retentions, in days, that CloudWatch Logs knows. The agent's -1, "leave it at never", is not among them on purpose.
RETENTIONS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
_GROUP_NAME = re.compile(r"[A-Za-z0-9._/#-]{1,512}")
_NAMESPACE = re.compile(r"[A-Za-z0-9._/#:-]{1,255}")


def agent_config(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the agent's configuration.

    Args:
        settings: ``namespace``, ``interval`` (seconds), ``user``, ``region`` (may be empty), ``metrics`` (the agent's own
            ``metrics_collected``), ``log_files`` and ``journal_units`` as in the role's argument specification.

    Every metric is sent once, with the dimension InstanceId: what cpu and disk would add is dropped where it says nothing more.
    """
    agent: dict[str, Any] = {"metrics_collection_interval": settings["interval"], "run_as_user": settings["user"]}
    if settings.get("region"):
        agent["region"] = settings["region"]
    config: dict[str, Any] = {"agent": agent}
    if settings.get("metrics"):
        config["metrics"] = {
            "namespace": settings["namespace"],
            "append_dimensions": {"InstanceId": "${aws:InstanceId}"},
            "aggregation_dimensions": [["InstanceId"]],
            "metrics_collected": settings["metrics"],
        }
    collected = {}
    if settings.get("log_files"):
        collected["files"] = {"collect_list": [_log_file(item) for item in settings["log_files"]]}
    if settings.get("journal_units"):
        collected["journald"] = {"collect_list": [_journal_unit(item) for item in settings["journal_units"]]}
    if collected:
        config["logs"] = {"logs_collected": collected}
    return config


def _log_file(item: Mapping[str, Any]) -> dict[str, Any]:
    stream = item.get("stream") or "{instance_id}/" + PurePosixPath(item["path"]).name.replace("*", "_")
    entry = {"file_path": item["path"], **_destination(item, stream), "timezone": "UTC"}
    if item.get("timestamp_format"):
        entry["timestamp_format"] = item["timestamp_format"]
    if item.get("multi_line_start_pattern"):
        entry["multi_line_start_pattern"] = item["multi_line_start_pattern"]
    return entry


def _journal_unit(item: Mapping[str, Any]) -> dict[str, Any]:
    return {"units": [item["unit"]], **_destination(item, item.get("stream") or "{instance_id}/" + item["unit"])}


def _destination(item: Mapping[str, Any], stream: str) -> dict[str, Any]:
    return {"log_group_name": item["group"], "log_stream_name": stream, "retention_in_days": item["retention_days"]}


def config_problems(settings: Mapping[str, Any], *, schema_path: str) -> list[str]:
    """Return one sentence for each thing that the agent would refuse, or silently not do. An empty list is good.

    Args:
        settings: as for :func:`agent_config`.
        schema_path: the agent's published JSON Schema, draft 04.
    """
    own = [*_setting_problems(settings), *_metric_problems(settings.get("metrics") or {}), *_log_problems(settings)]
    return own or list(_schema_problems(agent_config(settings), schema_path=schema_path))


def _setting_problems(settings: Mapping[str, Any]) -> Iterator[str]:
    namespace = str(settings["namespace"])
    if not _NAMESPACE.fullmatch(namespace):
        yield (f"cloudwatch_agent_namespace: {namespace!r} is no namespace; use letters, digits and . - _ / # :, such as CatScan/Prod")
    elif namespace.startswith("AWS/"):
        yield f"cloudwatch_agent_namespace: {namespace} begins with AWS/, which CloudWatch keeps for itself"
    if settings["user"] == "root":
        yield "cloudwatch_agent_user: the agent needs no root; name a system user of its own, such as cwagent"
    if not any(settings.get(key) for key in ("metrics", "log_files", "journal_units")):
        yield ("nothing is collected: give cloudwatch_agent_metrics, cloudwatch_agent_log_files or cloudwatch_agent_journal_units")


def _metric_problems(metrics: Mapping[str, Any]) -> Iterator[str]:
    for section, body in metrics.items():
        where = f"cloudwatch_agent_metrics.{section}"
        if section not in MEASUREMENTS:
            yield f"{where}: no such section{_instead(section, MEASUREMENTS)}"
        elif section == "procstat":
            if not isinstance(body, Sequence) or isinstance(body, str):
                yield f"{where}: must be a list, with one entry for each process"
                continue
            for index, entry in enumerate(body):
                yield from _section_problems(section, entry, where=f"{where}[{index}]")
        else:
            yield from _section_problems(section, body, where=where)


def _section_problems(section: str, body: Any, *, where: str) -> Iterator[str]:
    if not isinstance(body, Mapping):
        yield f"{where}: must have keys, such as 'measurement: [{min(MEASUREMENTS[section])}]'"
        return
    known = _COMMON_KEYS | _FURTHER_KEYS.get(section, frozenset())
    for key in body:
        if key not in known:
            yield f"{where}.{key}: no such key{_instead(key, known)}"
    if body.get("measurement") == []:
        yield f"{where}.measurement: is empty; name what is measured, or leave the section out"
    for key in ("measurement", "drop_original_metrics"):
        for name in _names(body.get(key)):
            plain = name.strip().removeprefix(f"{section}_")
            if plain not in MEASUREMENTS[section] and (key, name) != ("drop_original_metrics", "*"):
                yield f"{where}.{key}: {name!r} is not measured{_instead(plain, MEASUREMENTS[section])}"
    if section == "procstat" and len({"exe", "pattern", "pid_file"} & set(body)) != 1:
        yield f"{where}: say which process by exactly one of exe, pattern and pid_file"


def _names(value: Any) -> list[str]:
    """Names of metrics, plain or as ``{name, rename, unit}``; other types are left to the schema."""
    items = value if isinstance(value, Sequence) and not isinstance(value, str) else []
    names = [item.get("name") if isinstance(item, Mapping) else item for item in items]
    return [name for name in names if isinstance(name, str)]


def _log_problems(settings: Mapping[str, Any]) -> Iterator[str]:
    retentions: dict[str, int] = {}
    for variable, key in (("log_files", "path"), ("journal_units", "unit")):
        seen = set()
        for index, item in enumerate(settings.get(variable) or []):
            where = f"cloudwatch_agent_{variable}[{index}] ({item[key]})"
            if item[key] in seen:
                yield f"{where}: is listed twice; one owner per log"
            seen.add(item[key])
            yield from _destination_problems(item, where=where, retentions=retentions)
            if key == "path" and not item["path"].startswith("/"):
                yield f"{where}.path: is relative; write it from the root, beginning with a slash"
            if key == "unit" and "." not in item["unit"]:
                yield f"{where}.unit: lacks its type; write {item['unit']}.service"


def _destination_problems(item: Mapping[str, Any], *, where: str, retentions: dict[str, int]) -> Iterator[str]:
    group, days = item["group"], item["retention_days"]
    if not _GROUP_NAME.fullmatch(group):
        yield f"{where}.group: {group!r} is no log group's name; use letters, digits and . - _ / #"
    if days not in RETENTIONS:
        nearest = min(RETENTIONS, key=lambda known: abs(known - days))
        yield f"{where}.retention_days: CloudWatch has no retention of {days} days; the nearest is {nearest}"
    elif retentions.setdefault(group, days) != days:
        yield f"{where}.retention_days: {days}, but the same group {group} is to keep {retentions[group]} days elsewhere"


def _instead(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else f"; there are {', '.join(sorted(known))}"


def _schema_problems(config: Mapping[str, Any], *, schema_path: str) -> Iterator[str]:
    try:
        jsonschema = importlib.import_module("jsonschema")  # costs 0.1 s, which only this check is to pay
    except ImportError:
        yield "the Python package jsonschema is missing on the controller; install it beside ansible"
        return
    with open(schema_path, encoding="utf-8") as stream:
        validator = jsonschema.Draft4Validator(json.load(stream))
    # JSON turns Ansible's own string and list types into plain ones.
    for error in validator.iter_errors(json.loads(json.dumps(config))):
        where = ".".join(str(part) for part in error.absolute_path) or "the document"
        yield f"{where}: {error.message} (by the agent's published schema)"
