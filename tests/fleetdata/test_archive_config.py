"""CS-18, W-28: one declaration says where reports are archived and how; what is wrong in it is named before anything is touched."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata import config, keys
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.errors import ConfigurationError
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.model import Archive, ReportType

CATSCAN: dict[str, Any] = {
    "bucket": "rtbcat-csv-archive-frankfurt-123456789012",
    "region": "eu-central-1",
    "key": "{report}/{yyyy}/{mm}/{dd}/catscan-{report}-{day}.csv.gz",
    "revisions": True,
    "reports": {
        "performance": {
            "columns": ["Day", "Country", "Impressions"],
            "day_column": "Day",
            "files": ["/var/lib/catscan/imports/done/catscan-performance-*.csv"],
            "first_day": "2026-01-01",
        },
        "funnel-geo": {"day_column": "Date", "day_format": "%m/%d/%Y", "report_day": "last", "empty": False},
    },
}
MISSING = object()
CANARY = "canary-7f3a"


def changed(path: str, value: object) -> dict[str, Any]:
    """Cat-Scan's declaration with another value at a path, or without it."""
    data = copy.deepcopy(CATSCAN)
    *parents, name = path.split("/")
    place = data
    for parent in parents:
        place = place[parent]
    if value is MISSING:
        del place[name]
    else:
        place[name] = value
    return data


def said(data: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        config.parse(data, "fleetdata.json")
    return str(caught.value)


def test_cs18_cs28_the_declaration_becomes_the_archive() -> None:
    archive = config.parse(CATSCAN, "fleetdata.json")
    assert archive.bucket == "rtbcat-csv-archive-frankfurt-123456789012"
    assert archive.revisions and not archive.delete_source
    assert archive.reports["performance"].columns == ("Day", "Country", "Impressions")
    assert keys.object_key(archive, report="performance", day="2026-01-31") == "performance/2026/01/31/catscan-performance-2026-01-31.csv.gz"


def test_w28_an_archive_and_its_declaration_are_two_forms_of_one_thing() -> None:
    archive = config.parse(CATSCAN, "fleetdata.json")
    assert config.to_data(archive) == CATSCAN
    assert config.parse(json.loads(json.dumps(config.to_data(archive))), "again") == archive


def test_what_is_left_out_is_as_the_model_says() -> None:
    archive = config.parse({"bucket": "abc", "region": "eu-central-1", "reports": {"geo": {"day_column": "Day"}}}, "fleetdata.json")
    assert archive == Archive(bucket="abc", region="eu-central-1", reports={"geo": ReportType(name="geo", day_column="Day")})


WRONG = [
    ("bucket", MISSING, "fleetdata.json: bucket: is missing; it has no default."),
    ("bucket", 5, "fleetdata.json: bucket: must be text, not a number."),
    ("bucket", "No_Bucket", "'No_Bucket' is not the name of a bucket: 3 to 63 small letters"),
    ("bucket", "a..b", "is not the name of a bucket"),
    ("bucket", "203.0.113.7", "is not the name of a bucket"),
    ("bucket", "ab\n", "bucket: must not contain control characters."),
    ("region", "Frankfurt", "region: 'Frankfurt' is not the name of a region such as eu-central-1."),
    ("reports", ["performance"], "reports: must be a mapping of reports"),
    ("reports/performance", "Day", "reports.performance: must be a mapping of settings, not text."),
    ("reports/a.b", {"day_column": "Day"}, "reports.a.b: the name of a report has letters, digits, - and _ only"),
    ("reports/all", {"day_column": "Day"}, "reports.all: this name is taken: it stands for every report."),
    ("prefix", "/reports", "prefix: '/reports' must be empty or folders such as reports/daily/"),
    ("prefix", "reports", "prefix: 'reports' must be empty or folders"),
    ("prefix", "{yyyy}/", "prefix: '{yyyy}/' must be empty or folders"),
    (
        "key",
        "{report}.csv.gz",
        "fleetdata.json: key: '{report}.csv.gz': two reports or days would share a key; name {report}, and {day} or {yyyy}, {mm} and {dd}.",
    ),
    ("key", "{report}/{hour}-{day}.csv.gz", "key: '{report}/{hour}-{day}.csv.gz': 'hour' is not one of day, dd, mm, report, yyyy."),
    ("key", "{report}/{day}.csv", "key: '{report}/{day}.csv': it must end with .csv.gz and not begin with a slash."),
    ("key", "{report/{day}.csv.gz", "fleetdata.json: key: "),
    ("key", True, "key: must be text, not true or false."),
    ("revisions", "yes", "revisions: must be true or false, not text."),
    ("compression", "zstd", "compression: 'zstd' is not one of fast, small."),
    ("settle_seconds", -1, "settle_seconds: must be a number of seconds from 0 to 86400."),
    ("settle_seconds", True, "settle_seconds: must be a number of seconds from 0 to 86400."),
    ("concurrency", 0, "concurrency: must be a whole number from 1 to 64."),
    ("concurrency", 2.5, "concurrency: must be a whole number from 1 to 64."),
    ("quarantine", "quarantine", "quarantine: 'quarantine' is not an absolute path; begin it with /."),
    ("endpoint_url", "s3.example.net", "endpoint_url: must be empty for AWS itself, or an address such as"),
    ("revision", True, "fleetdata.json: revision: is not a setting; revisions is the nearest."),
    ("colour", "red", "colour: is not a setting; there are bucket, compression, concurrency, "),
    ("reports/performance/day_colum", "Day", "reports.performance.day_colum: is not a setting; day_column is the nearest."),
    ("reports/performance/day_column", "Dya", "reports.performance.day_column: 'Dya' is none of its columns (Day, Country, Impressions)."),
    (
        "reports/performance/day_column",
        MISSING,
        "reports.performance.day_column: is missing; name the column that holds the day, or set report_day to",
    ),
    ("reports/performance/columns", ["Day", "Day"], "reports.performance.columns: 'Day' is listed twice"),
    ("reports/performance/columns", ["Day", ""], "reports.performance.columns: a column has no name"),
    ("reports/performance/columns", "Day,Country", "reports.performance.columns: must be a list of texts, not text."),
    ("reports/performance/columns", ["Day", 3], "reports.performance.columns: must be text, not a number."),
    (
        "reports/performance/day_format",
        "%d.%m",
        "reports.performance.day_format: '%d.%m' does not say which day it is; use iso, epoch_s, epoch_ms or a pattern",
    ),
    ("reports/performance/day_format", "ISO8601", "day_format: 'ISO8601' does not say which day it is"),
    ("reports/performance/report_day", "today", "reports.performance.report_day: 'today' is not one of only, first, last, file_name."),
    ("reports/performance/file_day", "(", "reports.performance.file_day: '(' is no regular expression"),
    (
        "reports/performance/file_day",
        r"(?P<year>\d{4})(?P<month>\d\d)",
        "has no group 'day'; write (?P<day>",
    ),
    ("reports/performance", {"report_day": "file_name", "file_day": ""}, "reports.performance.file_day: is needed where report_day is file_name"),
    ("reports/performance/delimiter", "||", "reports.performance.delimiter: '||' cannot part fields"),
    ("reports/performance/delimiter", '"', "cannot part fields"),
    ("reports/performance/files", ["done/*.csv"], "reports.performance.files: 'done/*.csv' is not an absolute path; begin it with /."),
    ("reports/performance/files", [""], "reports.performance.files: an entry is empty"),
    (
        "reports/funnel-geo/files",
        CATSCAN["reports"]["performance"]["files"],
        "reports.funnel-geo.files: /var/lib/catscan/imports/done/",
    ),
    ("reports/performance/first_day", "2026-02-30", "reports.performance.first_day: '2026-02-30' is not a day such as 2026-01-31."),
    ("reports/performance/late_after_hours", None, "reports.performance.late_after_hours: must be a whole number from 0 to 8784."),
]


@pytest.mark.parametrize(("path", "value", "sentence"), WRONG)
def test_cs18_what_is_wrong_is_named_by_its_path(path: str, value: object, sentence: str) -> None:
    message = said(changed(path, value))
    assert sentence in message
    assert message.startswith("fleetdata.json: ")
    assert "\n" not in message


@pytest.mark.parametrize("data", [[], "text", None, 3])
def test_a_declaration_that_is_no_mapping_is_told(data: object) -> None:
    assert "must be a mapping of settings, not " in said(data)


@pytest.mark.parametrize(
    ("path", "value"),
    [("aws_secret_access_key", CANARY), ("endpoint_url", f"https://{CANARY}:{CANARY}@s3.example.net"), ("session_token", [CANARY])],
)
def test_cs19_credentials_have_no_place_here_and_are_never_repeated(path: str, value: object) -> None:
    message = said(changed(path, value))
    assert path in message
    assert "canary" not in message


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"{", "line 1, column 2: is not JSON (Expecting property name enclosed in double quotes)."),
        (b'{"bucket": "a", "bucket": "b"}', "bucket is said twice."),
        (b'{"settle_seconds": NaN}', "NaN is not a number that JSON knows."),
        (b"\xff", "is not UTF-8 text."),
        (b"[" * 100_000, "recursion"),
        (b"", "line 1, column 1: is not JSON"),
    ],
)
def test_a_file_that_is_no_json_is_told(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "fleetdata.json"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        config.load(str(path))
    assert str(caught.value).startswith(f"{path}: ")
    assert sentence in str(caught.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there is no such file; name another one"):
        config.load(str(tmp_path / "none.json"))
    with pytest.raises(ConfigurationError, match="cannot be read"):
        config.load(str(tmp_path))


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "fleetdata.json"
    path.write_text(json.dumps(CATSCAN))
    assert config.load(str(path)) == config.parse(CATSCAN, "")
