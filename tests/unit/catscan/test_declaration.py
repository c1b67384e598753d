"""group_vars/catscan says what the plan asks for, and the application ships as it was tested."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata import config, keys
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.file_retention import rules as file_rules
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.file_retention.look import matches
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention.rules import parse_all
from catscan import database, reports

ROOT = Path(__file__).parents[3]
ROLES = (
    "base",
    "python_app",
    "fleetdata",
    "s3_archive",
    "sqlite_backup",
    "sqlite_retention",
    "recovery_drill",
    "file_retention",
    "systemd_service",
    "cron_jobs",
    "cloudwatch_agent",
)
TABLES = "SELECT name FROM sqlite_master WHERE type = 'table'"
LOCK = (ROOT / "files/apps/catscan/requirements.txt").read_text()


@pytest.fixture(scope="module")
def declared() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "group_vars/catscan/main.yml").read_text())
    return found


def test_every_variable_belongs_to_a_role_or_to_the_system(declared: dict[str, Any]) -> None:
    known: set[str] = set()
    for role in ROLES:
        specs = yaml.safe_load((ROOT / f"roles/{role}/meta/argument_specs.yml").read_text())["argument_specs"]
        known.update(*(entry.get("options", {}) for entry in specs.values()))
    assert [name for name in declared if name not in known and not name.startswith("catscan_")] == []


def test_cs14_cs15_paths(declared: dict[str, Any]) -> None:
    assert (declared["catscan_home"], declared["catscan_data"]) == ("/opt/catscan/current", "/var/lib/catscan")
    folders = {entry["path"].replace("{{ catscan_data }}", "") for entry in declared["python_app_directories"]}
    assert {"/imports", "/credentials"} <= folders


def test_cs20_only_code_and_its_lock_ship(declared: dict[str, Any]) -> None:
    assert declared["python_app_ship"] == ["catscan/**", "requirements.txt"]


def test_cs23_cs24_w24_one_unit_on_loopback(declared: dict[str, Any]) -> None:
    (unit,) = declared["systemd_service_units"]
    assert (unit["name"], unit["kind"], unit["application"]) == ("catscan-api", "uvicorn", "catscan.api:app")
    assert (unit["host"], declared["catscan_port"], unit["user"]) == ("127.0.0.1", 8000, "catscan")
    assert "public_reason" not in unit


def test_cs26_cs41_cs43_jobs_and_their_times(declared: dict[str, Any]) -> None:
    assert {job["name"]: job["schedule"] for job in declared["cron_jobs_list"]} == {
        "catscan-gmail-import": "0 8 * * *",
        "catscan-archive": "30 8 * * *",
        "catscan-backup": "0 9 * * *",
        "catscan-retention": "0 2 * * 0",
        "catscan-cleanup": "30 2 * * 0",
        "catscan-health": "*/5 * * * *",
        "catscan-import-status": "0 10 * * *",
        "catscan-recovery-drill": "0 11 * * 0",
    }
    assert {job["user"] for job in declared["cron_jobs_list"]} == {"catscan"}


def test_cs28_the_archive_knows_the_reports_as_the_importer_does(declared: dict[str, Any]) -> None:
    archived = {name: report["columns"] for name, report in declared["s3_archive_reports"].items()}
    assert archived == {name: report.header for name, report in reports.REPORT_TYPES.items()}
    assert {report["day_column"] for report in declared["s3_archive_reports"].values()} == {"Day"}


def test_cs12_cs29_w29_where_a_report_lies(declared: dict[str, Any]) -> None:
    archive = config.parse(
        {
            "bucket": "rtbcat-csv-archive-frankfurt-123456789012",
            "region": "eu-central-1",
            "key": declared["s3_archive_key"],
            "reports": {"performance": {"day_column": "Day"}},
        },
        "group_vars",
    )
    assert keys.object_key(archive, report="performance", day="2025-12-21") == "performance/2025/12/21/catscan-performance-2025-12-21.csv.gz"


def test_cs30_each_import_archives_first_and_a_daily_job_frees_the_disk(declared: dict[str, Any]) -> None:
    assert declared["python_app_environment"]["CATSCAN_ARCHIVE_COMMAND"] == "/usr/local/bin/fleetdata"
    (sweep,) = [job for job in declared["cron_jobs_list"] if job["name"] == "catscan-archive"]
    assert sweep["command"] == ["/usr/local/bin/fleetdata", "archive", "--delete-source"]
    assert sweep["after"] == ["catscan-gmail-import"]
    assert all(report["files"] == [f"{{{{ catscan_data }}}}/imports/done/catscan-{name}-*.csv"] for name, report in declared["s3_archive_reports"].items())


def test_cs17_cs27_cs32_cs33_each_table_has_a_rule_and_what_was_imported_is_known_for_ever(declared: dict[str, Any], tmp_path: Path) -> None:
    retentions = dict(declared["sqlite_retention_databases"])
    assert retentions["catscan"]["database"] == "{{ catscan_data }}/catscan.db"
    path = tmp_path / "catscan.db"
    with database.connect(path) as there:
        columns = {row["name"]: [one["name"] for one in there.execute(f"PRAGMA table_info({row['name']})")] for row in there.execute(TABLES)}
    rules = parse_all({"catscan": {**retentions["catscan"], "database": str(path)}}, "group_vars")["catscan"].rules
    assert {name: (rule.day_column, rule.keep_days, rule.proof) for name, rule in rules.items() if not rule.forever} == {
        "rtb_daily": ("day", 90, "rows"),
        "rtb_funnel": ("day", 90, "rows"),
        "performance_metrics": ("date", 90, "rows"),
    }
    assert [name for name, rule in rules.items() if rule.forever] == ["import_history"]
    assert all(rule.forever or rule.day_column in columns[name] for name, rule in rules.items())
    assert set(columns) - set(rules) == {"installation"}


def test_cs27_w17_only_leftover_reports_that_are_archived_are_ever_cleaned_up(declared: dict[str, Any]) -> None:
    (said,) = declared["file_retention_folders"].values()
    (rule,) = file_rules.parse_all({"imports": {**said, "folder": "/var/lib/catscan/imports"}}, "group_vars").values()
    assert (said["folder"], rule.keep_days, rule.proof) == ("{{ catscan_data }}/imports", 90, "archived")
    assert all(matches(f"{folder}/catscan-{name}-2026-01-31.csv", rule.patterns) for name in reports.REPORT_TYPES for folder in ("done", "quarantine"))
    assert not any(matches(path, rule.patterns) for path in ("catscan-performance-2026-01-31.csv", "quarantine/catscan-performance-2026-01-31.csv.reason.txt"))


def test_w2_the_instance_may_archive_its_reports_and_rows_and_nothing_else(declared: dict[str, Any]) -> None:
    roles = yaml.safe_load((ROOT / "group_vars/catscan/aws.yml").read_text())["aws_instance_role_roles"]
    used = [*declared["s3_archive_reports"], *(f"_rows/{name}" for name in declared["sqlite_retention_databases"]), "_drills"]
    assert [role["archives"][0]["prefixes"] for role in roles] == [used, used]


def test_cs44_w15_every_log_has_a_retention(declared: dict[str, Any]) -> None:
    logs = declared["cloudwatch_agent_log_files"] + declared["cloudwatch_agent_journal_units"]
    assert {log["path"].split("/")[-1] for log in declared["cloudwatch_agent_log_files"]} == {f"{job['name']}.log" for job in declared["cron_jobs_list"]}
    assert all(log["retention_days"] > 0 for log in logs)


def test_w7_w8_the_token_comes_from_secrets_manager(declared: dict[str, Any]) -> None:
    assert "CATSCAN_API_TOKEN" not in declared["python_app_environment"]
    assert [secret["keys"] for secret in declared["python_app_secrets"]] == [{"CATSCAN_API_TOKEN": "api_token"}]


def test_w13_cs21_the_lock_pins_every_requirement_by_hash_and_names_no_address() -> None:
    blocks = re.split(r"\n(?=\S)", LOCK)
    requirements = [block for block in blocks if not block.startswith("#")]
    assert requirements
    assert all(re.match(r"[a-z0-9-]+==\S+", block) and "--hash=sha256:" in block for block in requirements)
    assert "://" not in LOCK


@pytest.mark.parametrize("package", ["fastapi", "uvicorn", "starlette", "pydantic"])
def test_what_is_tested_here_is_what_ships(package: str) -> None:
    tested = re.search(rf"^{package}==(\S+)", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    assert tested is not None
    assert f"{package}=={tested[1]}" in LOCK
