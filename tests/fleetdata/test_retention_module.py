"""F49…F52, F67: the module sqlite_retention: what a check predicts a run does, what stays fails the task, and what a wrong option is told."""

from __future__ import annotations

import io
import json
import sqlite3
from contextlib import closing, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.steady.fleet.plugins.filter.sqlite_retention_problems import sqlite_retention_problems
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.model import Archive
from ansible_collections.steady.fleet.plugins.modules import sqlite_retention
from archive_runs import Bucket
from command import CANARIES, answer
from retain_databases import DAILY, LOSS, OLD, OLDER, configured, made
from retention_runs import held


def told_by(*, check: bool = False, **options: Any) -> Any:
    """What the module says, without a process of its own."""
    printed = io.StringIO()
    with patch_module_args({**options, "_ansible_check_mode": check, "_ansible_diff": True}), redirect_stdout(printed), pytest.raises(SystemExit):
        sqlite_retention.main()
    assert "Traceback" not in printed.getvalue()
    assert not any(canary in printed.getvalue() for canary in CANARIES)
    return json.loads(printed.getvalue())


@pytest.fixture
def inline(archive: Archive, tmp_path: Path) -> dict[str, Any]:
    """A database that is declared in the task alone."""
    place = {"bucket": archive.bucket, "region": archive.region, "endpoint_url": archive.endpoint_url}
    return {**place, "name": "shop", "database": str(made(tmp_path, "shop")), "tables": {"daily": DAILY}}


def test_f49_f67_what_a_check_predicts_a_run_does(inline: dict[str, Any], archive: Archive) -> None:
    path = Path(inline["database"])
    before = held(path, "daily")
    predicted = told_by(check=True, **inline)
    assert (predicted["changed"], held(path, "daily"), Bucket(archive).versions()) == (True, before, {})
    done = told_by(**inline)
    assert done["diff"] == predicted["diff"] == [
        {"before_header": "shop.daily", "after_header": "shop.daily", "before": f"{OLDER}: 3 rows\n{OLD}: 3 rows\n", "after": ""}
    ]  # fmt: skip
    assert (done["changed"], done["summary"]["rows"], done["summary"]["days"]) == (True, 6, 2)
    assert [(row["day"], row["status"], row["deleted"]) for row in done["files"]] == [(OLDER, "deleted", 3), (OLD, "deleted", 3)]
    again = told_by(**inline)
    assert (again["changed"], again["files"], again["diff"]) == (False, [], [])


def test_cs32_what_stays_fails_the_task_after_all_that_could_go(archive: Archive, tmp_path: Path) -> None:
    for name in ("first", "second"):
        made(tmp_path, name)
    config = str(configured(archive, tmp_path, first={"daily": {**DAILY, "max_share": 0.3}}, second={"daily": DAILY}))
    said = told_by(config=config)
    assert (said["failed"], said["changed"], said["summary"]["rows"], said["summary"]["refused"]) == (True, True, 6, 1)
    assert said["msg"].startswith("first.daily: 6 of the 9 rows of daily would go")
    assert told_by(config=config, name="first", max_share=0.7)["summary"]["rows"] == 6


def test_f48_a_loss_that_was_acknowledged_is_returned(inline: dict[str, Any]) -> None:
    said = told_by(**{**inline, "tables": {"daily": {**DAILY, "proof": "none", "acknowledged": LOSS}}})
    assert said["without_proof"] == [{"database": "shop", "table": "daily", "rows": 6, "acknowledged": LOSS}]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"max_share": 3}, "max_share: must be a number above 0, and 1 at most."),
        ({"tables": {"daily": {"day_colum": "day"}}}, "The retention of this task: shop.tables.daily.day_colum: is not a setting; day_column is the nearest"),
        ({"bucket": "A_bucket"}, "The archive of this task: bucket: 'A_bucket' is not the name of a bucket"),
        ({"name": None}, "missing parameter(s) required by 'database': name"),
        ({"database": "/nonexistent/shop.db"}, "shop: /nonexistent/shop.db: there is no such database."),
    ],
)
def test_a_wrong_option_is_told_in_a_sentence(inline: dict[str, Any], options: dict[str, Any], says: str) -> None:
    said = told_by(**{name: value for name, value in {**inline, **options}.items() if value is not None})
    assert said["failed"]
    assert says in said["msg"]


def test_cs17_the_role_refuses_on_the_controller_what_the_command_would_refuse() -> None:
    good = {"catscan": {"database": "/var/lib/catscan/catscan.db", "tables": {"rtb_daily": {"day_column": "day"}}}}
    assert sqlite_retention_problems(good) == []
    (problem,) = sqlite_retention_problems({"catscan": {**good["catscan"], "tables": {"rtb_daily": {"day_column": "day", "proof": "none"}}}})
    assert problem.startswith("sqlite_retention_databases: catscan.tables.rtb_daily.acknowledged: is needed where proof is none")
    assert sqlite_retention_problems([]) == [
        "sqlite_retention_databases: must be a mapping with at least one database: what it is called in the archive, and below it database and tables."
    ]


def test_w2_check_tries_where_the_rows_go_to(archive: Archive, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "catscan.db")):
        pass
    config = configured(archive, tmp_path, catscan={"daily": DAILY})
    checks = answer("--config", config, "check", code=2)["checks"]
    rows = {one["what"]: one["found"] for one in checks if one["where"] == f"s3://{archive.bucket}/_rows/catscan/*"}
    assert {what: rows[what] for what in ("list objects", "write", "read back", "write again")} == {
        "list objects": "allowed", "write": "allowed", "read back": "allowed", "write again": "refused"
    }  # fmt: skip
    made(tmp_path, "shop")
    assert answer("--config", configured(archive, tmp_path, shop={"daily": DAILY}), "retain")["ok"]
