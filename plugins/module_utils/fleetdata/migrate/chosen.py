# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which migration the command was asked for: a declared one by its name, or one that its arguments declare; what they say goes before what is declared."""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..configuration import MIGRATIONS, Configuration
from ..errors import ConfigurationError, UsageError
from . import settings
from .migration import BYTEA, COUNT, CREATE, DIGEST, FAIL, INTO_EXISTING, QUARANTINE, REPLACE, Migration

_HERE = "The migration of this call"
_PLAIN = ("schema", "mode", "on_misfit", "on_text", "verify", "jobs", "work", "busy_seconds")
_LISTS = ("include", "exclude", "empty_as_null", "secret", "accept")


def arguments(parser: argparse.ArgumentParser) -> None:
    """What says which database goes where, and how."""
    parser.add_argument("what", nargs="?", default="", metavar="NAME|FILE", help="a declared migration, or a SQLite database; none: the only one declared")
    where = parser.add_argument_group("where to")
    where.add_argument("--target", metavar="URL", help="postgresql://USER@HOST:5432/DATABASE?sslmode=verify-full&sslrootcert=FILE; never with a password")
    where.add_argument("--password-file", metavar="FILE", help="a file with the password alone (or ~/.pgpass, PGPASSWORD)")
    where.add_argument("--schema", help="the schema of the tables (default: public)")
    how = parser.add_argument_group("how; lists may be said several times")
    how.add_argument("--include", action="append", metavar="TABLE", help="only these tables, patterns such as order*")
    how.add_argument("--exclude", action="append", metavar="TABLE", help="not these")
    how.add_argument("--rename", action="append", default=[], metavar="OLD=NEW", help="a table, or table.column, and its name in PostgreSQL")
    how.add_argument("--cast", action="append", default=[], metavar="TABLE.COLUMN=TYPE", help="the type of a column")
    how.add_argument("--empty-as-null", action="append", metavar="TABLE.COLUMN", help="an empty text of this column becomes NULL")
    how.add_argument("--secret", action="append", metavar="TABLE.COLUMN", help="no message shows this column's values; patterns such as *.token")
    how.add_argument("--accept", action="append", metavar="CODE", help="a difference that was read and is agreed to, by its code")
    how.add_argument(
        "--fill", action="append", default=[], metavar="TABLE.COLUMN=VALUE", help="with --mode into_existing: for what the source has no value for"
    )
    how.add_argument("--mode", choices=(CREATE, INTO_EXISTING), help="make the tables (default), or fill those of the application, which are empty")
    how.add_argument("--on-misfit", choices=(FAIL, QUARANTINE), help="a row that does not fit: nothing is loaded (default), or it goes to TABLE__misfit")
    how.add_argument("--on-text", choices=(FAIL, REPLACE, BYTEA), help="a text with NUL, or that is not UTF-8 (default: fail)")
    how.add_argument("--verify", choices=(DIGEST, COUNT), help="compare every value (default), or only count")
    how.add_argument(
        "--jobs",
        type=int,
        metavar="N",
        help="how much is loaded at once, from 1 to 16 (default: 2 where the database is large and there are two cores, else 1)",
    )
    how.add_argument("--work", metavar="DIRECTORY", help="room for a copy of the database, where one is needed")


def migration(asked: argparse.Namespace, configuration: Configuration, *, alone: bool = False) -> Migration:
    """The migration that was asked for. alone: a database needs no target. Raises ConfigurationError."""
    data, where, name = _declared(asked, configuration, alone=alone)
    said = {key: getattr(asked, key) for key in _PLAIN if getattr(asked, key, None) is not None}
    lists = {key: [*data.get(key, ()), *getattr(asked, key)] for key in _LISTS if getattr(asked, key)}
    renamed = _pairs(asked.rename, "--rename", "OLD=NEW")
    pairs = {
        "tables": {old: new for old, new in renamed.items() if "." not in old},
        "columns": {old: new for old, new in renamed.items() if "." in old},
        "casts": _pairs(asked.cast, "--cast", "TABLE.COLUMN=TYPE"),
        "fill": _pairs(asked.fill, "--fill", "TABLE.COLUMN=VALUE"),
    }
    more = {key: {**data.get(key, {}), **value} for key, value in pairs.items() if value}
    parsed = settings.parse(name, {**data, **said, **lists, **more, **_target(asked, data)}, where, alone=alone)
    return replace(parsed, by_arguments=where == _HERE)


def _declared(asked: argparse.Namespace, configuration: Configuration, *, alone: bool) -> tuple[Mapping[str, Any], str, str]:
    if asked.target or os.sep in asked.what or os.path.isfile(asked.what):
        if not asked.what:
            raise UsageError("--target goes with the SQLite database that is to be brought there: fleetdata migrate plan FILE --target URL.")
        if not asked.target and not alone:
            raise UsageError(f"{asked.what}: where to? Say --target postgresql://USER@HOST/DATABASE, or the name of a declared migration.")
        return {"database": os.path.abspath(asked.what), "work": tempfile.gettempdir()}, _HERE, _name(asked.what)
    try:
        part = configuration.part(MIGRATIONS)
    except ConfigurationError as error:
        if not asked.what:
            raise ConfigurationError(f"{error} Or name a SQLite database: fleetdata migrate plan FILE.") from None
        raise ConfigurationError(f"{asked.what} is no file here, so it has to be a declared migration. {error}") from None
    name, said = settings.declared(part.data, part.where, asked.what)
    return said, part.where, name


def _target(asked: argparse.Namespace, data: Mapping[str, Any]) -> Mapping[str, Any]:
    said = {"password_file": os.path.abspath(asked.password_file)} if asked.password_file else {}
    if asked.target:
        return {"target": {**settings.target_data(asked.target), **said}}
    if "target" in data:
        return {"target": {**data["target"], **said}} if said else {}
    return {}


def _name(path: str) -> str:
    """A migration's name, of a file's."""
    kept = "".join(character if character.isascii() and character.isalnum() else "-" for character in os.path.basename(path).partition(".")[0])
    return kept.strip("-")[:64] or "database"


def _pairs(said: list[str], option: str, form: str) -> dict[str, str]:
    pairs = {}
    for pair in said:
        old, equals, new = pair.partition("=")
        if not (old and equals and new):
            raise ConfigurationError(f"{option} {pair!r} is not {form}.")
        pairs[old] = new
    return pairs
