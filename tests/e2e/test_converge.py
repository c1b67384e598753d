"""From nothing to a converged Cat-Scan host with data in it, by the command that a newcomer types; again; and nothing left behind."""

from __future__ import annotations

import datetime
import json
import re
import subprocess
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import boto3
import checkout
import pytest

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(1200)]
BUCKET = "rtbcat-csv-archive-frankfurt-123456789012"
BACKUPS = "rtbcat-backups-frankfurt-123456789012"
COUNT = """python3 -c '
import json, sqlite3
database = sqlite3.connect("/var/lib/catscan/catscan.db")
names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = \\"table\\"")]
print(json.dumps({name: database.execute("SELECT count(*) FROM " + name).fetchone()[0] for name in names}))
'"""
RETAINED = ("rtb_daily", "rtb_funnel", "performance_metrics")
RECAP = re.compile(r"^\S+ +: ok=\d+ +changed=(\d+) +unreachable=(\d+) +failed=(\d+)", re.MULTILINE)


def recaps(output: str) -> list[tuple[int, int, int]]:
    return [(int(changed), int(unreachable), int(failed)) for changed, unreachable, failed in RECAP.findall(output)]


def get(url: str) -> dict[str, Any]:
    with urlopen(url, timeout=10) as answer:
        return json.load(answer)


@pytest.fixture(scope="module")
def first(lab: dict[str, str]) -> str:
    return checkout.run("make", "--no-print-directory", "converge", **lab)


@pytest.fixture(scope="module")
def url(first: str) -> str:
    """The last one that is printed; site.yml's own summary has the host's, which is of no use here."""
    return re.findall(r"(http://127\.0\.0\.1:\d+)/health", first)[-1]


def test_first_run_fails_nowhere(first: str) -> None:
    assert recaps(first)
    assert all((unreachable, failed) == (0, 0) for _, unreachable, failed in recaps(first))


def test_summary_says_what_runs_and_what_comes_next(first: str) -> None:
    assert "catscan-server_i-" in first
    assert "catscan-api" in first
    assert "catscan-gmail-import" in first
    assert re.search(r"The next import is at \d{4}-\d\d-\d\d.08:00", first)
    assert "What to try next" in first


def test_cs41_health_answers_on_a_loopback_port(url: str) -> None:
    assert get(f"{url}/health")["status"] == "healthy"


def test_cs43_history_shows_a_day_of_each_type(url: str) -> None:
    items = get(f"{url}/uploads/history")["items"]
    assert {item["report_type"] for item in items} == {"performance", "funnel-geo", "funnel-publishers"}
    assert {item["status"] for item in items} == {"imported"}
    assert all(item["rows"] > 0 for item in items)


def test_cs12_cs29_cs30_cs31_what_was_imported_lies_in_s3_with_its_proof(first: str, url: str, lab: dict[str, str]) -> None:
    """By the key that the plan asks for, in the bucket that was provisioned, with the keys of the instance's own role."""
    items = get(f"{url}/uploads/history")["items"]
    keys = {f"{item['report_type']}/{item['day'].replace('-', '/')}/catscan-{item['report_type']}-{item['day']}.csv.gz" for item in items}
    assert {item["archive_uri"] for item in items} == {f"s3://{BUCKET}/{key}" for key in keys}
    s3 = client(aws(lab))
    held = {entry["Key"] for entry in s3.list_objects_v2(Bucket=BUCKET)["Contents"]}
    assert keys | {f"{key}.manifest.json" for key in keys} <= held
    manifests = [json.load(s3.get_object(Bucket=BUCKET, Key=f"{key}.manifest.json")["Body"]) for key in sorted(keys)]
    assert {manifest["content_sha256"] for manifest in manifests} == {item["sha256"] for item in items}
    assert {(manifest["rows"], manifest["verified"]) for manifest in manifests} == {(500, True)}


def test_cs36_cs53_the_host_verifies_and_recovers_its_days(first: str, url: str, lab: dict[str, str]) -> None:
    """With sudo, as a person does; and what comes back is byte for byte what was imported."""
    items = get(f"{url}/uploads/history")["items"]
    checked = on_host(lab, "/usr/local/bin/fleetdata verify --json")
    assert (checked["ok"], len(checked["files"])) == (True, len(items))
    day = items[0]["day"]
    back = on_host(lab, f"/usr/local/bin/fleetdata restore --json --report all --from {day} --to {day} --into /root/recovered")
    assert {row["content_sha256"] for row in back["files"]} == {item["sha256"] for item in items}


def test_cs38_cs40_the_daily_job_s_backup_lies_in_s3_and_comes_back_with_the_same_rows(first: str, lab: dict[str, str]) -> None:
    """With the keys of the instance's own role, which may not delete a version."""
    checkout.run("ansible-playbook", "-i", "inventories/lab.aws_ec2.yml", "playbooks/job.yml", "-l", "catscan", "-e", "job=catscan-backup", **aws(lab))
    back = on_host(lab, "/usr/local/bin/fleetdata restore-backup catscan --json --into /root/back.db")["files"][0]
    said = client(aws(lab))
    keys = [each["Key"] for each in said.list_objects_v2(Bucket=BACKUPS, Prefix="catscan/")["Contents"] if each["Key"].endswith(".manifest.json")]
    manifest = json.load(said.get_object(Bucket=BACKUPS, Key=max(keys))["Body"])
    assert (manifest["verified"], manifest["content_sha256"], manifest["counts"]) == (True, back["content_sha256"], back["counts"])
    assert back["counts"]["import_history"] >= 3


def test_second_run_changes_nothing(first: str, lab: dict[str, str]) -> None:
    again = checkout.run("make", "--no-print-directory", "converge", **lab)
    assert [changed for changed, _, _ in recaps(again)] == [0] * len(recaps(again))
    assert "Installing" not in again


def test_check_predicts_nothing(first: str, lab: dict[str, str]) -> None:
    shown = checkout.run("ansible-playbook", "-i", "inventories/lab.aws_ec2.yml", "site.yml", "-l", "catscan", "--check", "--diff", **aws(lab))
    assert [changed for changed, _, _ in recaps(shown)] == [0] * len(recaps(shown))


def test_an_unchanged_host_costs_one_module_call_four_commands_and_few_tasks(first: str, lab: dict[str, str]) -> None:
    """What makes a re-run fast on any machine, as counts: each task is a fork on the controller, each module call a Python start on the host."""
    shown = checkout.run("ansible-playbook", "-i", "inventories/lab.aws_ec2.yml", "site.yml", "-l", "catscan", "-vvv", **aws(lab))
    hosts = len(recaps(shown))
    assert shown.count("Using module file") == hosts, "host_state alone, and once"
    assert shown.count("SSH: EXEC") == 4 * hosts, "connect, glance at the application's release and the archive command's, host_state"
    assert len(re.findall(r"^TASK \[", shown, re.MULTILINE)) <= 18 + 1, "of which one is the summary"


IMPORT = """
cd /opt/catscan/current/app
runuser -u catscan -- ../venv/bin/python -m catscan.generate --date {day} --out /var/lib/catscan/imports >/dev/null
/usr/local/libexec/steady-fleet/job run catscan-gmail-import >/dev/null
{then}
"""


def imported(lab: dict[str, str], day: str, then: str) -> dict[str, Any]:
    """Have a day's reports imported and archived; the answer of the command that comes then."""
    script = IMPORT.format(day=day, then=then).strip().replace("\n", " && ")
    return on_host(lab, f"sh -c '{script}'")


def ago(days: int) -> str:
    return (datetime.datetime.now(datetime.UTC).date() - datetime.timedelta(days=days)).isoformat()


def recover(lab: dict[str, str], *said: str) -> str:
    options = [option for each in said for option in (("-e", each) if "=" in each else (each,))]
    return checkout.run("ansible-playbook", "-i", "inventories/lab.aws_ec2.yml", "playbooks/recover.yml", "-l", "catscan", *options, **aws(lab))


def test_cs38_cs53_a_host_that_is_gone_comes_back_from_repository_buckets_and_secrets(first: str, lab: dict[str, str]) -> None:
    """Destroyed after its drill passed; a new instance has every row of the backup, and the day that was archived since: 0 changed afterwards."""
    inventory = ("-i", "inventories/lab.aws_ec2.yml")
    for job in ("catscan-backup", "catscan-recovery-drill"):
        checkout.run("ansible-playbook", *inventory, "playbooks/job.yml", "-l", "catscan", "-e", f"job={job}", **aws(lab))
    imported(lab, since := ago(3), "/usr/local/bin/fleetdata ls --json")
    before = on_host(lab, COUNT)
    assert before["rtb_daily"] == 1000, "of which the backup has 500"
    said = aws(lab)
    ec2: Any = boto3.client(
        "ec2",
        endpoint_url=said["AWS_ENDPOINT_URL"],
        region_name="eu-central-1",
        aws_access_key_id=said["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=said["AWS_SECRET_ACCESS_KEY"],
    )
    (gone,) = [one["InstanceId"] for each in ec2.describe_instances()["Reservations"] for one in each["Instances"]]
    ec2.modify_instance_attribute(InstanceId=gone, DisableApiTermination={"Value": False})
    ec2.terminate_instances(InstanceIds=[gone])
    checkout.run("ansible-playbook", "-i", "localhost,", "playbooks/provision.yml", "-e", "system=catscan", "-e", "@lab/provision.yml", **aws(lab))
    checkout.run(Path(checkout.BIN, "python"), "-m", "lab", "wait", **lab)
    checked = recover(lab, "recover=host", "--check")
    assert re.search(r"backup    catscan: \d{8}T\d{6}Z, \d+ rows", checked)
    assert "table     rtb_daily: 500 rows" in checked
    assert f"day       {since}: rtb_daily 500 rows, rtb_funnel 1000 rows" in checked
    shown = recover(lab, "recover=host")
    assert gone not in shown
    assert re.search(r"backup    catscan: \d{8}T\d{6}Z, ", shown)
    assert "days      1 through the importer, 1500 rows came back" in shown
    assert "rtb_daily: 1000 rows, its archived reports have 1000" in shown
    assert "/health answers 200" in shown
    assert on_host(lab, COUNT) == before
    assert [changed for changed, _, _ in recaps(recover(lab, "recover=host"))] == [0]


def test_cs17_cs27_cs32_cs34_f49_old_rows_go_once_s3_has_them_and_no_other(first: str, lab: dict[str, str]) -> None:
    """The host's new rows stay; a day that is imported late goes just as the dry run said, and comes back as it was."""
    assert on_host(lab, "/usr/local/bin/fleetdata retain --dry-run --json")["files"] == []
    old = ago(100)
    back = ("recover_through=rows", f"recover_from={old}", f"recover_to={old}", "recover_database=/var/tmp/old.db")
    nothing = recover(lab, *back)
    assert "rows      catscan: nothing of these days is archived, there is nothing to do" in nothing
    assert [changed for changed, _, _ in recaps(nothing)] == [0]
    planned = imported(lab, old, "/usr/local/bin/fleetdata retain --dry-run --max-share 0.6 --json")
    assert {(row["table"], row["day"], row["status"]) for row in planned["files"]} == {(table, old, "planned") for table in RETAINED}
    done = on_host(lab, "/usr/local/bin/fleetdata retain --max-share 0.6 --json")
    assert [(row["table"], row["deleted"], row["status"]) for row in done["files"]] == [(row["table"], row["rows"], "deleted") for row in planned["files"]]
    held = {entry["Key"] for entry in client(aws(lab)).list_objects_v2(Bucket=BUCKET, Prefix="_rows/catscan/")["Contents"]}
    assert {row["uri"].removeprefix(f"s3://{BUCKET}/") for row in done["files"]} <= held
    assert on_host(lab, "/usr/local/bin/fleetdata retain --json")["files"] == []
    rows = sum(row["deleted"] for row in done["files"])
    for options, said, changes in ((("--check",), "would come back", 1), ((), "added", 1), ((), "0 added", 0)):
        shown = recover(lab, *back, *options)
        assert said in shown
        assert f"of {rows} archived" in shown
        assert [changed for changed, _, _ in recaps(shown)] == [changes]


def on_host(lab: dict[str, str], command: str) -> dict[str, Any]:
    """The JSON answer of a command that root runs on Cat-Scan's host."""
    said = checkout.run("ansible", "-i", "inventories/lab.aws_ec2.yml", "catscan", "--become", "-m", "ansible.builtin.command", "-a", command, **aws(lab))
    answer: dict[str, Any] = json.loads(said.partition(">>\n")[2])
    return answer


def client(said: dict[str, str]) -> Any:
    """S3 of the lab, as the administrator."""
    make: Any = boto3.client
    return make(
        "s3",
        endpoint_url=said["AWS_ENDPOINT_URL"],
        region_name="eu-central-1",
        aws_access_key_id=said["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=said["AWS_SECRET_ACCESS_KEY"],
    )


def aws(lab: dict[str, str]) -> dict[str, str]:
    exports = checkout.run(Path(checkout.BIN, "python"), "-m", "lab", "env", **lab)
    return lab | dict(re.findall(r"^export (\w+)=(.*)$", exports, flags=re.MULTILINE))


def test_lab_down_leaves_nothing(first: str, lab: dict[str, str]) -> None:
    checkout.run("make", "--no-print-directory", "lab-down", **lab)
    assert not Path(lab["STEADY_LAB_STATE"]).exists()
    for kind, filters in (
        ("network", ["ls", "--filter", f"name={lab['STEADY_LAB_NETWORK']}"]),
        ("container", ["ls", "--all", "--filter", f"network={lab['STEADY_LAB_NETWORK']}"]),
    ):
        assert not subprocess.run(["docker", kind, *filters, "--quiet"], capture_output=True, text=True, check=True).stdout
    processes = subprocess.run(["pgrep", "--full", "--list-full", lab["STEADY_LAB_STATE"]], capture_output=True, text=True, check=False).stdout
    assert not processes
