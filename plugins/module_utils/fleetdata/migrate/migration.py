# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A migration as it is declared: which database goes where, and how what does not fit is to be treated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

CREATE, INTO_EXISTING = "create", "into_existing"
"""Whether the tables are made, or were made by the application and are empty."""
FAIL, QUARANTINE = "fail", "quarantine"
"""What a row that does not fit does: nothing is loaded, or the row goes to <table>__misfit and the run ends partial."""
DIGEST, COUNT = "digest", "count"
"""How much the verification compares."""
REPLACE, BYTEA = "replace", "bytea"
"""Besides FAIL: a text that PostgreSQL cannot hold gets U+FFFD for what is wrong in it, or its column becomes bytea."""


@dataclass(frozen=True)
class Target:
    """A PostgreSQL server and a database in it. password_file: a file with the password alone, empty where libpq knows it (PGPASSWORD, .pgpass, peer)."""

    host: str
    database: str
    user: str
    port: int = 5432
    password_file: str = ""
    ssl_mode: str = "verify-full"
    ssl_root_cert: str = ""

    @property
    def said(self) -> str:
        """As messages name it."""
        return f"{self.user}@{self.host}:{self.port}/{self.database}"


@dataclass(frozen=True)
class Migration:
    """include, exclude: tables, by fnmatch patterns. tables: new names by old. columns, casts: a new name, a type, by "table.column" (old names).

    empty_as_null, secret: columns as "table.column"; fnmatch patterns may be used. A secret column's values are in no message and no report.
    on_text: what a text with a NUL byte or that is not UTF-8 does: FAIL, REPLACE or BYTEA. accept: differences that were read and are agreed to,
    each by the code that the plan gives it. fill: of tables that the application made, a value as text by "table.column" (names of the target), for columns
    that the target alone has, and for NULL in those that take none.
    by_arguments: given by those of the command, and by no file.
    jobs: how much is loaded at once, 0 for 2 where that pays. work: a directory with room for a copy of the database.
    """

    name: str
    database: str
    target: Target
    schema: str = "public"
    include: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = ()
    tables: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    casts: Mapping[str, str] = field(default_factory=dict)
    empty_as_null: tuple[str, ...] = ()
    secret: tuple[str, ...] = ()
    accept: tuple[str, ...] = ()
    fill: Mapping[str, str] = field(default_factory=dict)
    mode: str = CREATE
    on_misfit: str = FAIL
    on_text: str = FAIL
    verify: str = DIGEST
    jobs: int = 0
    work: str = "/var/lib/fleetdata/migrate"
    busy_seconds: float = 60.0
    by_arguments: bool = False

    @property
    def staging(self) -> str:
        """The schema in which tables are made, loaded and verified before they are put in place."""
        return f"{self.schema}__steady"
