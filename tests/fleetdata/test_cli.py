"""CS-28…CS-31, CS-36: what a person and a program see of the command: totals, sentences, one JSON document, exit codes by kind."""

from __future__ import annotations

import dataclasses
import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata import config
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.model import Archive
from command import PROGRAM, answer, declare, environment, fleetdata, process
from csv_files import csv_bytes, write_csv
from s3_server import enforced, s3

DAY = "2026-01-31"


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    folder = tmp_path / "reports"
    folder.mkdir()
    return folder


@pytest.fixture
def declared(archive: Archive, reports: Path, tmp_path: Path) -> Path:
    """The configuration; its patterns name the files of the folder ``reports``."""
    types = {name: dataclasses.replace(report, files=(f"{reports}/catscan-{name}-*.csv",)) for name, report in archive.reports.items()}
    return declare(dataclasses.replace(archive, reports=types), tmp_path)


def test_cs29_cs30_the_declared_files_are_archived_and_counted(declared: Path, reports: Path, tmp_path: Path) -> None:
    write_csv(reports, DAY, rows=3)
    write_csv(reports, "2026-02-01", report="funnel-geo", rows=4)
    counts = tmp_path / "counts"
    said = answer("archive", "--config", declared, STEADY_JOB_COUNTS=str(counts))
    assert said["ok"] is True
    assert said["summary"]["uploaded"] == said["summary"]["files"] == 2
    assert said["summary"]["rows"] == 7
    row = next(row for row in said["files"] if row["report"] == "performance")
    assert row["uri"].endswith(f"/performance/2026/01/31/catscan-performance-{DAY}.csv.gz")
    assert (row["status"], row["rows"], row["first_day"], row["last_day"], row["revision"]) == ("uploaded", 3, DAY, DAY, 1)
    assert row["version_id"] and row["content_sha256"] and row["object_sha256"]
    assert counts.read_text() == "rows=7 files=2 unchanged=0 conflict=0 quarantined=0 damaged=0 failed=0\n"
    again = answer("archive", "--config", declared)
    assert (again["summary"]["unchanged"], again["summary"]["rows"]) == (2, 0)


def test_counts_that_cannot_be_told_are_an_error_after_the_work(declared: Path, reports: Path, tmp_path: Path) -> None:
    write_csv(reports, DAY)
    run = fleetdata("--config", declared, "archive", STEADY_JOB_COUNTS=str(tmp_path / "none" / "counts"))
    assert run.returncode == 2
    assert run.stdout.startswith("STATUS")
    assert "none/counts: No such file or directory. STEADY_JOB_COUNTS names it; nothing was counted there." in run.stderr


def test_cs31_a_person_reads_a_table_and_a_sentence(declared: Path, reports: Path) -> None:
    write_csv(reports, DAY, rows=1500)
    run = process("--config", declared, "archive")
    heading, row, sentence = run.stdout.splitlines()
    assert heading.split() == ["STATUS", "REPORT", "DAY", "REVISION", "ROWS", "SIZE", "FILE"]
    assert row.split()[:5] == ["uploaded", "performance", DAY, "1", "1,500"]
    assert re.fullmatch(r"1 file archived and read back in s3://reports-\d+ \(1,500 rows, [\d.]+ kB\)\.", sentence)
    assert (run.returncode, run.stderr) == (0, "")


def test_a_dry_run_says_what_would_be_and_does_nothing(declared: Path, reports: Path, archive: Archive, endpoint: str, tmp_path: Path) -> None:
    write_csv(reports, DAY)
    counts = tmp_path / "counts"
    said = answer("--config", declared, "archive", "--dry-run", "--delete-source", STEADY_JOB_COUNTS=str(counts))
    assert (said["summary"]["uploaded"], said["summary"]["deleted"], said["summary"]["dry_run"]) == (1, 1, True)
    assert s3(endpoint).list_objects_v2(Bucket=archive.bucket)["KeyCount"] == 0
    assert [path.name for path in reports.iterdir()] == [f"catscan-performance-{DAY}.csv"]
    assert not counts.exists()


def test_cs29_named_files_need_no_pattern_but_a_report(declared: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    file = write_csv(tmp_path / "elsewhere", DAY)
    assert answer("--config", declared, "archive", file)["files"][0]["report"] == "performance"
    strange = tmp_path / "strange.csv"
    strange.write_bytes(csv_bytes("2026-02-01"))
    refused = answer("--config", declared, "archive", strange, code=2)
    assert refused["error"]["message"] == f"{strange}: no declared pattern names it; say its report (performance, funnel-geo, funnel-publishers)."
    assert answer("--config", declared, "archive", "--report", "performance", strange)["files"][0]["day"] == "2026-02-01"


def test_w29_conflicts_and_bad_files_end_with_their_code_and_the_good_ones_are_archived(declared: Path, reports: Path) -> None:
    write_csv(reports, DAY)
    answer("--config", declared, "archive")
    write_csv(reports, DAY, clicks=8)
    write_csv(reports, "2026-02-01")
    conflict = answer("--config", declared, "archive", code=4)
    assert conflict["ok"] is False
    assert {row["day"]: row["status"] for row in conflict["files"]} == {DAY: "conflict", "2026-02-01": "uploaded"}
    assert "Nothing was overwritten" in next(row["reason"] for row in conflict["files"] if row["status"] == "conflict")
    (reports / "catscan-funnel-geo-2026-02-01.csv").write_bytes(b"Day,What\n")
    run = fleetdata("--config", declared, "archive")
    assert run.returncode == 4  # the worse of the two
    assert "1 in conflict with what is archived, 1 not archived for what they hold." in run.stdout
    assert run.stdout.count(f"{reports}/catscan-funnel-geo-2026-02-01.csv") == 2  # in the table, and in its sentence
    predicted = fleetdata("--config", declared, "archive", "--report", "performance", "--revisions", "--dry-run")
    assert "supersedes revision 1 (3 rows), which stays.\n" in predicted.stdout
    kept = answer("--config", declared, "archive", "--report", "performance", "--revisions")
    assert {row["day"]: (row["status"], row["revision"]) for row in kept["files"]} == {DAY: ("uploaded", 2), "2026-02-01": ("unchanged", 1)}


def test_cs18_a_source_goes_only_when_that_is_said(declared: Path, reports: Path, archive: Archive, tmp_path: Path) -> None:
    file = write_csv(reports, DAY)
    assert answer("--config", declared, "archive", "--keep-source")["summary"]["deleted"] == 0
    assert file.exists()
    assert answer("--config", declared, "archive", "--delete-source")["summary"]["deleted"] == 1
    assert not file.exists()


def test_a_name_that_is_no_text_hides_nothing_and_stops_nothing(declared: Path, reports: Path, archive: Archive, tmp_path: Path) -> None:
    data = json.loads(declared.read_text()) | {"quarantine": str(tmp_path / "aside")}
    declared.write_text(json.dumps(data))
    write_csv(reports, DAY).rename(os.fsdecode(os.fsencode(reports) + b"/catscan-performance-\xff\x1b[31m.csv"))
    write_csv(reports, "2026-02-01")
    Path(os.fsdecode(os.fsencode(reports) + b"/catscan-performance-\xfe.csv")).write_text("Day\n")
    run = process("--config", declared, "archive")
    assert run.returncode == 3
    assert "2 files archived and read back" in run.stdout
    assert "catscan-performance-\\udcff\\x1b[31m.csv" in run.stdout
    assert sorted(os.listdir(os.fsencode(tmp_path / "aside"))) == [b"catscan-performance-\xfe.csv", b"catscan-performance-\xfe.csv.reason.txt"]
    assert answer("--config", declared, "verify")["summary"]["objects"] == 2


MISTAKES = [
    ((), 2, "the following arguments are required: ACTION. See fleetdata --help."),
    (("archiv",), 2, "invalid choice: 'archiv'"),
    (("archive", "--delete"), 2, "unrecognized arguments: --delete. See fleetdata --help."),
    (("archive", "--delete-source", "--keep-source"), 2, "not allowed with argument"),
    (("archive", "--report", "performanc"), 2, "Report 'performanc' is not declared; did you mean performance?"),
    (("archive", "none.csv"), 2, "none.csv: there is no such file. Nothing was archived."),
    (("archive", "."), 2, "is a directory; name the files in it. Nothing was archived."),
    (("restore", "--report", "performance", "--from", "2026-01-31", "--to", "yesterday", "--into", "x"), 2, "'yesterday' is not a day such as 2026-01-31"),
    (("restore", "--report", "performance", "--from", "2026-02-30", "--to", "2026-03-01", "--into", "x"), 2, "'2026-02-30' is not a day"),
    (("restore", "--report", "performance"), 2, "the following arguments are required: --from, --to, --into"),
    (("verify", "--sample", "0"), 2, "'0' is not a whole number from 1"),
]


@pytest.mark.parametrize(("arguments", "code", "sentence"), MISTAKES)
def test_cs18_a_mistake_is_a_sentence_and_never_a_traceback(arguments: tuple[str, ...], code: int, sentence: str, declared: Path) -> None:
    run = fleetdata(*arguments, FLEETDATA_CONFIG=str(declared))
    assert (run.returncode, run.stdout) == (code, "")
    assert run.stderr.startswith("fleetdata: ")
    assert sentence in run.stderr
    told = answer(*arguments, code=code, FLEETDATA_CONFIG=str(declared))
    assert told["ok"] is False
    assert told["error"]["kind"] == ("usage" if "See fleetdata" in run.stderr else "configuration")
    assert sentence in told["error"]["message"]


def test_cs18_a_wrong_configuration_is_named_by_file_and_key(tmp_path: Path) -> None:
    path = tmp_path / "fleetdata.json"
    path.write_text('{"bucket": "B", "region": "eu-central-1", "reports": {"a": {"day_column": "Day"}}}')
    run = fleetdata("ls", "--config", path)
    assert run.returncode == 2
    assert run.stderr.startswith(f"fleetdata: {path}: bucket: 'B' is not the name of a bucket")
    missing = fleetdata("ls", "--config", tmp_path / "none.json")
    assert missing.returncode == 2
    assert "there is no such file; name another one" in missing.stderr


def test_cs19_refused_credentials_are_a_sentence_that_does_not_hold_them(declared: Path, reports: Path, endpoint: str) -> None:
    write_csv(reports, DAY)
    with enforced(endpoint):
        run = fleetdata("--config", declared, "archive")
    assert run.returncode == 7
    assert "S3 refused the credentials at " in run.stdout


def test_an_s3_that_does_not_answer_ends_with_its_code(declared: Path, reports: Path, archive: Archive, tmp_path: Path) -> None:
    write_csv(reports, DAY)
    data = json.loads(declared.read_text()) | {"endpoint_url": "http://127.0.0.1:9"}
    declared.write_text(json.dumps(data))
    run = fleetdata("--config", declared, "archive", AWS_MAX_ATTEMPTS="1")
    assert run.returncode == 7
    assert "did not answer" in run.stdout
    assert answer("--config", declared, "ls", code=7)["error"]["kind"] == "s3-unreachable"


def test_an_answer_that_nobody_reads_to_its_end_is_no_error(declared: Path, reports: Path) -> None:
    for day in range(1, 29):
        write_csv(reports, f"2026-01-{day:02d}")
    with subprocess.Popen([*PROGRAM, "--config", str(declared), "archive"], env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        assert run.stdout is not None and run.stderr is not None
        run.stdout.close()
        complaint = run.stderr.read()
        assert run.wait() == 0
    assert complaint == b""
    assert answer("--config", declared, "archive")["summary"]["unchanged"] == 28


def wait_until(happened: Callable[[], bool]) -> None:
    """Wait for something that a process does."""
    for _ in range(1200):
        if happened():
            return
        time.sleep(0.05)
    pytest.fail("it did not happen")


def has_open(process: int, file: Path) -> bool:
    return any(entry.exists() and entry.resolve() == file for entry in Path(f"/proc/{process}/fd").iterdir())


def catches(process: int, number: int) -> bool:
    """Whether a process has a handler for a signal; the command's goes with the first one."""
    (mask,) = re.findall(r"^SigCgt:\t(\w+)$", Path(f"/proc/{process}/status").read_text(), flags=re.MULTILINE)
    return bool(int(mask, 16) & 1 << (number - 1))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)])
def test_who_stops_it_reads_a_sentence_and_goes_on_later(
    declared: Path, reports: Path, archive: Archive, endpoint: str, tmp_path: Path, number: int, code: int
) -> None:
    """It is stopped while it waits for another archiver that holds the file, and so reads no byte of it."""
    file = write_csv(reports, DAY)
    holder = os.open(file, os.O_RDONLY)
    fcntl.flock(holder, fcntl.LOCK_EX)
    command = ["env", "--default-signal=HUP", *PROGRAM, "--config", str(declared), "archive"]  # these tests may run with nohup, which the command respects
    with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        wait_until(lambda: has_open(run.pid, file))
        run.send_signal(number)
        wait_until(lambda: not catches(run.pid, number))
        os.close(holder)
        assert run.stderr is not None
        complaint = run.stderr.read()
        assert run.wait() == code
    assert complaint == "fleetdata: Stopped. What was finished stays; run the same command again to go on.\n"
    assert s3(endpoint).list_objects_v2(Bucket=archive.bucket)["KeyCount"] == 0
    assert answer("--config", declared, "archive")["summary"]["uploaded"] == 1


def test_who_stops_it_before_it_has_begun_reads_nothing() -> None:
    """Such as while Python still imports it."""
    stub = "import os, runpy, signal, sys, types; sys.modules['fleetdata.cli'] = stub = types.ModuleType('fleetdata.cli');"
    late = "stub.run = lambda: os.kill(os.getpid(), signal.SIGINT); runpy.run_module('fleetdata', run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", f"{stub} {late}"], env=environment(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


def test_w2_check_says_what_is_to_be_put_right(declared: Path, archive: Archive, endpoint: str) -> None:
    said = answer("--config", declared, "check", "--dry-run", code=2)
    assert said["summary"]["dry_run"] is True
    assert said["summary"]["wrong"] == sum(one["status"] == "wrong" for one in said["checks"]) > 0
    assert s3(endpoint).list_objects_v2(Bucket=archive.bucket)["KeyCount"] == 0
    run = fleetdata("--config", declared, "check")
    assert run.returncode == 2
    assert "Take s3:DeleteObject from these credentials; they need no such right." in run.stdout
    # A probe is nobody's data: no other action takes it for any.
    assert answer("--config", declared, "ls")["summary"] == {"days": 0, "revisions": 0, "oddities": 0, "rows": 0, "bytes": 0, "object_bytes": 0}


def test_cs36_ls_lists_days_and_revisions(declared: Path, reports: Path) -> None:
    write_csv(reports, DAY, rows=3)
    write_csv(reports, "2026-02-01", rows=4)
    answer("--config", declared, "archive")
    write_csv(reports, DAY, rows=5)
    answer("--config", declared, "archive", "--revisions")
    said = answer("--config", declared, "ls", "--report", "performance")
    assert [(row["day"], row["revision"], row["status"]) for row in said["files"]] == [
        (DAY, 1, "superseded"),
        (DAY, 2, "counts"),
        ("2026-02-01", 1, "counts"),
    ]
    assert (said["summary"]["days"], said["summary"]["revisions"], said["summary"]["rows"]) == (2, 3, 9)
    one = fleetdata("ls", "--from", "2026-02-01", "--to", "2026-02-01", "--config", declared)
    assert one.stdout.splitlines()[-1].startswith("1 day archived in s3://reports-")
    assert json.loads(fleetdata("ls", "--config", declared, "--from", "2030-01-01", "--json").stdout)["files"] == []


def test_cs37_cs53_restore_brings_days_back_and_names_the_missing(declared: Path, reports: Path, tmp_path: Path) -> None:
    file = write_csv(reports, DAY)
    content = file.read_bytes()
    answer("--config", declared, "archive", "--delete-source")
    asked = ("--config", declared, "restore", "--report", "performance", "--from", DAY, "--into", tmp_path / "back")
    assert answer(*asked, "--to", DAY, "--dry-run")["summary"]["restored"] == 1
    assert not (tmp_path / "back").exists()
    said = answer(*asked, "--to", "2026-02-01", code=6)
    assert {row["day"]: row["status"] for row in said["files"]} == {DAY: "restored", "2026-02-01": "missing"}
    assert Path(said["files"][0]["path"]).read_bytes() == content
    again = fleetdata(*asked, "--to", DAY)
    assert (again.returncode, again.stdout.splitlines()[-1].endswith("1 unchanged.")) == (0, True)
    Path(said["files"][0]["path"]).write_text("mine\n")
    assert answer(*asked, "--to", DAY, code=4)["files"][0]["status"] == "differs"
    assert answer(*asked, "--to", DAY, "--replace")["files"][0]["kept"]


def test_cs53_verify_reads_back_and_finds_damage(declared: Path, reports: Path, archive: Archive, endpoint: str) -> None:
    assert answer("--config", declared, "verify", code=6)["summary"]["objects"] == 0
    write_csv(reports, DAY, rows=3)
    uri = answer("--config", declared, "archive")["files"][0]["uri"]
    good = fleetdata("--config", declared, "verify", "--deep")
    assert good.returncode == 0, good.stdout
    assert re.search(r"1 object of 1 day read back from s3://reports-\d+ \(3 rows, [\d.]+ (k?)B\): all as they were proved\.", good.stdout)
    s3(endpoint).put_object(Bucket=archive.bucket, Key=uri.partition(f"{archive.bucket}/")[2], Body=b"something else")
    assert answer("--config", declared, "verify", code=5)["summary"]["faults"] > 0


def test_f73_the_calendar_is_a_table_a_document_and_a_page(declared: Path, reports: Path, tmp_path: Path) -> None:
    write_csv(reports, DAY, rows=3)
    answer("--config", declared, "archive")
    page = tmp_path / "calendar.html"
    said = answer("--config", declared, "calendar", "--from", "2026-01-30", "--to", DAY, "--report", "performance", "--html", page)
    assert said["ok"] is True
    assert said["summary"]["archived"] == 1
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert [path.name for path in tmp_path.glob("calendar*")] == ["calendar.html"]
    shown = fleetdata("--config", declared, "calendar", "--report", "performance", "--from", DAY, "--to", "2026-02-01", "--check")
    assert shown.returncode == 6
    assert "performance" in shown.stdout
    unwritable = fleetdata("--config", declared, "calendar", "--html", tmp_path / "none" / "calendar.html")
    assert unwritable.returncode == 2
    assert unwritable.stderr.startswith(f"fleetdata: {tmp_path}/none/calendar.html: cannot be written (No such file or directory).")


def test_help_documents_every_exit_code() -> None:
    run = process("archive", "--help")
    assert (run.returncode, run.stderr) == (0, "")
    assert "empty or corrupt and was not backed up" in run.stdout, "3 of backup"
    assert "rows or a backup that was asked for is not there" in run.stdout, "6 of restore-rows, restore-backup, verify-backup and drill"
    assert [line.split()[0].rstrip(",") for line in run.stdout.partition("exit codes")[2].splitlines()[1:]] == ["5", "7", "2", "4", "3", "8", "6", "0", "130"]


def test_cs31_the_documented_program_archives(declared: Path, reports: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "archive.md").read_text()
    (program,) = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    program = program.replace("/etc/steady-fleet/fleetdata.json", str(declared)).replace("/var/lib/catscan/imports", str(reports))
    write_csv(reports, DAY, rows=3)
    run = subprocess.run([sys.executable, "-c", program], env=environment(), capture_output=True, text=True, check=True)
    assert run.stdout.startswith("[('uploaded', 's3://reports-")


def test_w28_the_documented_declaration_is_one() -> None:
    text = (Path(__file__).parents[2] / "docs" / "archive.md").read_text()
    (declaration,) = re.findall(r"```json\n(.*?)```", text, flags=re.DOTALL)
    assert config.to_data(config.parse(json.loads(declaration), "docs/archive.md")) == json.loads(declaration)
    settings = re.findall(r"^\| (`.*?`) \| .* \| .* \|$", text.partition("| Setting |")[2].partition("\n\n")[0], flags=re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", " ".join(settings))) == {field.name for field in dataclasses.fields(Archive)}
