# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archived reports as Athena sees them: Glue tables over the layout of the archive, and a view that counts each day once.

Athena reads every object below a folder. There lie all revisions of a day, damaged ones too, and the manifests. So a report has two tables over one folder, one
of its objects' rows and one of manifests as lines, and a view that joins them: rows of the highest proved revision of each day.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .fleetdata.keys import MANIFEST

MADE_BY = {"made_by": "steady.fleet"}
"""The parameter of a table by which it is known as ours."""
DAY = "archive_day"
"""The partition column."""
OBJECTS, MANIFESTS = "_objects", "_manifests"
_NAME = re.compile(r"[a-z0-9_]{1,200}")
_ESCAPE = "\x01"
"""The serde must have an escape character, and CSV has none: one that no report has."""
_TEXT_INPUT = "org.apache.hadoop.mapred.TextInputFormat"
_TEXT_OUTPUT = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"


class TablesError(Exception):
    """A sentence for a person; nothing was changed, or as much as it says."""


@dataclass(frozen=True)
class Report:
    """A report type. columns: of its CSV, in order. first_day: ISO; the partitions begin there."""

    name: str
    columns: tuple[str, ...]
    first_day: str
    delimiter: str = ","


@dataclass(frozen=True)
class Tables:
    """What is declared. database: of Glue. key: the archive's template, prefix included."""

    database: str
    bucket: str
    key: str
    reports: tuple[Report, ...]
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """What differs. table: empty for the database. before: None where there is none."""

    table: str
    before: Any
    after: Any


def wanted(declared: Tables) -> dict[str, dict[str, Any]]:
    """The tables and views by name, as Glue takes them. Raises TablesError."""
    made: dict[str, dict[str, Any]] = {}
    for report in declared.reports:
        name = _identifier(report.name, f"report {report.name}")
        for table in _of_report(declared, report, name):
            if made.setdefault(table["Name"], table) is not table:
                raise TablesError(f"Two reports would have a table {table['Name']}. Rename one of them.")
    return made


def plan(*, declared: Tables, database: bool, found: Mapping[str, Mapping[str, Any]]) -> list[Change]:
    """What differs. database: whether it is there. found: its tables by name, as Glue tells them. Raises TablesError for a table that somebody else made."""
    if not _NAME.fullmatch(declared.database):
        raise TablesError(f"{declared.database!r} is no name for a database of Athena: small letters, digits and _.")
    changes = [] if database else [Change("", None, {"Name": declared.database})]
    for name, table in wanted(declared).items():
        there = found.get(name)
        if there is None:
            changes.append(Change(name, None, table))
            continue
        if not MADE_BY.items() <= there.get("Parameters", {}).items():
            raise TablesError(
                f"{declared.database}.{name} is there and was not made by this. Rename or drop it, or name another database. Nothing was changed."
            )
        seen = _like(there, table)
        if seen != table:
            changes.append(Change(name, seen, table))
    return changes


def observe(*, client: Any, declared: Tables) -> tuple[bool, dict[str, Mapping[str, Any]]]:
    """Whether the database is there, and its tables. Raises what botocore raises."""
    try:
        client.get_database(Name=declared.database)
    except client.exceptions.EntityNotFoundException:
        return False, {}
    pages = client.get_paginator("get_tables").paginate(DatabaseName=declared.database)
    return True, {table["Name"]: table for page in pages for table in page["TableList"]}


def apply(*, client: Any, declared: Tables, changes: list[Change]) -> None:
    """Do it, and look whether it took. Raises TablesError, and what botocore raises."""
    for change in changes:
        if not change.table:
            client.create_database(DatabaseInput=change.after, **({"Tags": dict(declared.tags)} if declared.tags else {}))
        elif change.before is None:
            client.create_table(DatabaseName=declared.database, TableInput=change.after)
        else:
            client.update_table(DatabaseName=declared.database, TableInput=change.after)
    there, found = observe(client=client, declared=declared)
    left = plan(declared=declared, database=there, found=found)
    if left:
        raise TablesError(f"Glue took the changes but does not show them: {', '.join(change.table for change in left)}. Run again; see who else changes them.")


def _of_report(declared: Tables, report: Report, name: str) -> list[dict[str, Any]]:
    if not report.columns:
        raise TablesError(f"Report {report.name} declares no columns, and a table needs them. Declare them.")
    columns = [_identifier(column, f"column {column!r} of {report.name}") for column in report.columns]
    twice = sorted({column for column in columns if columns.count(column) > 1 or column == DAY})
    if twice:
        raise TablesError(f"Report {report.name} has two columns that Athena would call {twice[0]}. Rename one of them.")
    folder, day_format = _place(declared, report)
    first = report.first_day.replace("-", day_format[4])
    partitions = {
        "projection.enabled": "true",
        f"projection.{DAY}.type": "date",
        f"projection.{DAY}.format": day_format,
        f"projection.{DAY}.range": f"{first},NOW",
        f"projection.{DAY}.interval": "1",
        f"projection.{DAY}.interval.unit": "DAYS",
        "storage.location.template": f"{folder}${{{DAY}}}/",
    }
    csv = {"separatorChar": report.delimiter, "quoteChar": '"', "escapeChar": _ESCAPE}
    rows = _table(f"{name}{OBJECTS}", folder, columns, "org.apache.hadoop.hive.serde2.OpenCSVSerde", csv, {**partitions, "skip.header.line.count": "1"})
    lines = _table(f"{name}{MANIFESTS}", folder, ["line"], "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe", {"field.delim": _ESCAPE}, partitions)
    return [rows, lines, _view(declared, name, columns)]


def _table(name: str, folder: str, columns: list[str], serde: str, settings: dict[str, str], parameters: dict[str, str]) -> dict[str, Any]:
    return {
        "Name": name,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"EXTERNAL": "TRUE", **MADE_BY, **parameters},
        "PartitionKeys": [{"Name": DAY, "Type": "string"}],
        "StorageDescriptor": {
            "Columns": [{"Name": column, "Type": "string"} for column in columns],
            "Location": folder,
            "InputFormat": _TEXT_INPUT,
            "OutputFormat": _TEXT_OUTPUT,
            "SerdeInfo": {"SerializationLibrary": serde, "Parameters": settings},
        },
    }


def view_sql(declared: Tables, name: str, columns: list[str]) -> str:
    """Rows of the highest proved revision of each day, and no others. A manifest has a field in each line, and lies beside its object under its name."""
    listed = ", ".join(f'o."{column}"' for column in [*columns, DAY])
    objects, manifests = (f'"{declared.database}"."{name}{which}"' for which in (OBJECTS, MANIFESTS))
    revision = "CAST(coalesce(regexp_extract(\"$path\", '\\.r([0-9]+)\\.csv\\.gz\\.manifest\\.json$', 1), '1') AS integer)"
    path = f'substr("$path", 1, length("$path") - {len(MANIFEST)})'
    counting = (
        *("SELECT", DAY, ", max_by(", path, ",", revision, ") AS path FROM", manifests),
        *('WHERE "$path" LIKE', f"'%{MANIFEST}'", "AND line LIKE ' \"verified\": true%' GROUP BY", DAY),
    )
    return " ".join(("SELECT", listed, "FROM", objects, "o JOIN (", *counting, f') c ON o.{DAY} = c.{DAY} AND o."$path" = c.path'))


def _view(declared: Tables, name: str, columns: list[str]) -> dict[str, Any]:
    every = [*columns, DAY]
    said = {
        "originalSql": view_sql(declared, name, columns),
        "catalog": "awsdatacatalog",
        "schema": declared.database,
        "columns": [{"name": column, "type": "varchar"} for column in every],
    }
    return {
        "Name": name,
        "TableType": "VIRTUAL_VIEW",
        "Parameters": {"presto_view": "true", "comment": "Presto View", **MADE_BY},
        "PartitionKeys": [],
        "StorageDescriptor": {"Columns": [{"Name": column, "Type": "string"} for column in every], "Location": "", "SerdeInfo": {}},
        "ViewOriginalText": f"/* Presto View: {base64.b64encode(json.dumps(said).encode()).decode()} */",
        "ViewExpandedText": "/* Presto View */",
    }


def _place(declared: Tables, report: Report) -> tuple[str, str]:
    """The folder of a report's days, and how the folder of a day is called below it."""
    above = declared.key.replace("{report}", report.name).rpartition("/")[0] + "/"
    for parts, day_format in (("{yyyy}/{mm}/{dd}/", "yyyy/MM/dd"), ("{yyyy}-{mm}-{dd}/", "yyyy-MM-dd"), ("{day}/", "yyyy-MM-dd")):
        folder, found, rest = above.partition(parts)
        if found and not rest and "{" not in folder:
            return f"s3://{declared.bucket}/{folder}", day_format
    raise TablesError(
        f"key {declared.key!r}: Athena needs a folder for each day, as in {{report}}/{{yyyy}}/{{mm}}/{{dd}}/….csv.gz or {{report}}/{{day}}/….csv.gz."
    )


def _identifier(name: str, what: str) -> str:
    made = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    if not _NAME.fullmatch(made):
        raise TablesError(f"{what} has no letter or digit that Athena allows in a name. Rename it.")
    return made


def _like(found: Any, declared: Any) -> Any:
    """What was found, as far as it was declared: Glue adds much of its own."""
    if isinstance(declared, dict):
        found = found if isinstance(found, Mapping) else {}
        own = {name: _like(found[name], value) for name, value in declared.items() if name in found}
        return own | {name: value for name, value in declared.items() if name not in found and not value}
    if isinstance(declared, list) and isinstance(found, list) and len(found) == len(declared):
        return [_like(one, other) for one, other in zip(found, declared)]
    return found
