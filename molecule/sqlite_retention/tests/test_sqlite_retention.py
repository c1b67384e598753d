"""What a user sees of retention: a job deletes old rows that S3 gave back, and one that would delete too much deletes nothing."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config

JOB = "/usr/local/libexec/steady-fleet/job"
SHOP = """
import datetime, sqlite3, sys
today = datetime.datetime.now(datetime.timezone.utc).date()
with sqlite3.connect(sys.argv[1]) as shop:
    shop.executescript("DROP TABLE IF EXISTS orders; CREATE TABLE orders (day TEXT, n INT); CREATE INDEX orders_day ON orders (day);"
                       "CREATE TABLE IF NOT EXISTS audit (day TEXT); INSERT INTO audit VALUES ('2020-01-01')")
    shop.executemany("INSERT INTO orders VALUES (?, ?)", [((today - datetime.timedelta(days=back)).isoformat(), n) for back in (100, 99, 0) for n in range(3)])
"""
COUNT = "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute('SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM audit)').fetchone())"


@pytest.fixture
def shop(host: Any) -> str:
    """A new database of the unprivileged user's, with two old days of three rows each, and today's."""
    host.run_expect([0], "rm -rf /srv/shop && install -d -o daemon -m 0755 /srv/shop")
    for name in ("shop", "careful"):
        host.run_expect([0], f"runuser -u daemon -- python3 -c {shlex.quote(SHOP)} /srv/shop/{name}.db")
    return "/srv/shop/shop.db"


def rows(host: Any, path: str) -> str:
    return host.check_output(f"python3 -c {shlex.quote(COUNT)} {path}")


def last(host: Any, job: str) -> dict[str, Any]:
    return json.loads(host.check_output(f"{JOB} history {job} --json"))[-1]


def objects() -> list[str]:
    endpoint = (Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "s3").read_text()
    s3 = boto3.client("s3", region_name="eu-central-1", endpoint_url=endpoint, config=Config(signature_version=UNSIGNED))
    return [one["Key"] for one in s3.list_objects_v2(Bucket="molecule-rows").get("Contents", [])]


def test_w16_root_declares_what_everybody_may_read(host: Any) -> None:
    file = host.file("/etc/steady-fleet/fleetdata.d/retention.json")
    assert (file.user, file.group, file.mode) == ("root", "root", 0o644)
    assert set(json.loads(file.content_string)["retention"]) == {"shop", "careful"}


def test_cs27_cs32_cs33_the_job_archives_and_deletes_old_rows(host: Any, shop: str) -> None:
    shown = host.check_output("runuser -u daemon -- /usr/local/bin/fleetdata retain shop --dry-run")
    assert shown.splitlines()[-1].startswith("6 rows of 2 days would go")
    assert rows(host, shop) == "(9, 1)"
    assert host.run(f"{JOB} run shop-retention").rc == 0
    assert (last(host, "shop-retention")["outcome"], last(host, "shop-retention")["counts"]) == ("ok", {"rows": 6, "days": 2, "stopped": 0, "refused": 0})
    assert rows(host, shop) == "(3, 1)"
    held = [key for key in objects() if key.startswith("_rows/shop/orders/") and key.endswith(".csv.gz")]
    assert len(held) == 2


@pytest.mark.usefixtures("shop")
def test_cs32_what_is_more_than_one_run_may_delete_stays_and_is_no_success(host: Any) -> None:
    assert host.run(f"{JOB} run careful-retention").rc != 0
    run = last(host, "careful-retention")
    assert (run["outcome"], run["exit_code"], run["counts"]) == ("failed", 8, {"rows": 0, "days": 0, "stopped": 0, "refused": 1})
    assert rows(host, "/srv/shop/careful.db") == "(9, 1)"
    assert not [key for key in objects() if key.startswith("_rows/careful/")]
    assert "6 of the 9 rows of orders would go" in host.file("/var/log/steady-fleet/careful-retention.log").content_string


@pytest.mark.usefixtures("shop")
def test_w16_what_root_runs_leaves_nothing_of_root_s_beside_the_database(host: Any) -> None:
    host.run_expect([0], "/usr/local/bin/fleetdata retain shop")
    assert host.check_output("find /srv/shop -user root") == ""
    host.run_expect([0], "runuser -u daemon -- /usr/local/bin/fleetdata retain shop")
