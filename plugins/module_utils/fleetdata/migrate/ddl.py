# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What only the text of a declaration tells: checks, collations, expressions, when a foreign key is looked at, what is done on a conflict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from .tokens import OTHER, STRING, WORD, Token, between, closing, parts, tokens

_TABLE_CONSTRAINTS = ("CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN")
_COLUMN_CONSTRAINTS = (*_TABLE_CONSTRAINTS[:-1], "NOT", "NULL", "DEFAULT", "COLLATE", "REFERENCES", "GENERATED", "AS")


@dataclass(frozen=True)
class Check:
    """A condition of rows. name: empty where it has none. sql: as SQLite has it."""

    sql: str
    name: str = ""


@dataclass
class TableText:
    """What a CREATE TABLE says. collations, generated: by column, in small letters. deferred: of each foreign key, in their order in the text.

    on_conflict: what is done instead of refusing a row (REPLACE, IGNORE, …), as said. autoincrement, without_rowid, strict: as said.
    """

    checks: list[Check] = field(default_factory=list)
    collations: dict[str, str] = field(default_factory=dict)
    generated: dict[str, str] = field(default_factory=dict)
    deferred: list[bool] = field(default_factory=list)
    on_conflict: list[str] = field(default_factory=list)
    autoincrement: bool = False
    without_rowid: bool = False
    strict: bool = False


@dataclass(frozen=True)
class IndexText:
    """What a CREATE INDEX says. columns: each as SQL, without its order. where: the condition of a partial one, else empty."""

    columns: tuple[str, ...]
    where: str = ""


def read_table(sql: str) -> TableText:
    """What a CREATE TABLE says beyond what the PRAGMAs tell."""
    found = tokens(sql)
    opening = next((place for place, token in enumerate(found) if token.says("(")), len(found))
    end = closing(found, opening)
    text = TableText()
    for part in parts(found[opening + 1 : end]):
        _part(sql, part, text)
    options = [token.text.upper() for token in found[end + 1 :]]
    text.without_rowid, text.strict = "ROWID" in options, "STRICT" in options
    return text


def read_index(sql: str) -> IndexText:
    """What a CREATE INDEX says."""
    found = tokens(sql)
    opening = next((place for place, token in enumerate(found) if token.says("(")), len(found))
    end = closing(found, opening)
    columns = tuple(between(sql, _without_order(part)) for part in parts(found[opening + 1 : end]))
    behind = found[end + 1 :]
    return IndexText(columns=columns, where=between(sql, behind[1:]) if behind and behind[0].says("WHERE") else "")


def read_view(sql: str) -> str:
    """The query of a CREATE VIEW."""
    found = tokens(sql)
    place = next((place for place, token in enumerate(found) if token.says("AS")), len(found))
    return between(sql, [token for token in found[place + 1 :] if not (token.says(";") and token is found[-1])])


def _without_order(part: Sequence[Token]) -> Sequence[Token]:
    while part and part[-1].says("ASC", "DESC"):
        part = part[:-1]
    return part


def _part(sql: str, part: Sequence[Token], text: TableText) -> None:
    """A column's definition, or table constraints, between which SQLite needs no comma."""
    if not part:
        return
    column = ""
    place = 0
    if not part[0].says(*_TABLE_CONSTRAINTS):
        column, place = part[0].value.lower(), 1
    name = ""
    while place < len(part):
        token = part[place]
        if token.says("CONSTRAINT") and place + 1 < len(part):
            name, place = part[place + 1].value, place + 2
            continue
        place = _constraint(sql, part, place, text, column, name)
        if token.says(*_COLUMN_CONSTRAINTS, "FOREIGN"):
            name = ""


def _constraint(sql: str, part: Sequence[Token], place: int, text: TableText, column: str, name: str) -> int:
    """Take what begins at a place; where it ends."""
    token, behind = part[place], place + 1
    if behind < len(part) and part[behind].says("("):
        end = closing(part, behind)
        if token.says("CHECK"):
            text.checks.append(Check(between(sql, part[behind + 1 : end]), name))
        elif token.says("AS") and column:
            text.generated[column] = between(sql, part[behind + 1 : end])
        return end + 1
    if token.says("COLLATE") and column and behind < len(part):
        text.collations[column] = part[behind].value.upper()
        return behind + 1
    if token.says("AUTOINCREMENT"):
        text.autoincrement = True
    elif token.says("REFERENCES"):
        text.deferred.append(_is_deferred(part[behind:]))
    elif token.says("CONFLICT") and behind < len(part):
        text.on_conflict.append(part[behind].text.upper())
    elif token.says("DEFAULT"):
        return behind + (2 if behind < len(part) and part[behind].says("+", "-") else 1)
    return behind


def _is_deferred(behind: Sequence[Token]) -> bool:
    """Whether the foreign key whose REFERENCES is before these words is looked at when a transaction ends."""
    said: list[str] = []
    for token in behind:
        if token.kind in (WORD, OTHER):
            word = token.text.upper()
            if word in ("REFERENCES", "CHECK", "CONSTRAINT", "FOREIGN", "UNIQUE", "PRIMARY", "COLLATE", "GENERATED"):
                break
            said.append(word)
    phrase = " ".join(said)
    return "DEFERRABLE INITIALLY DEFERRED" in phrase and "NOT DEFERRABLE" not in phrase


def is_text(sql: str) -> bool:
    """Whether an expression is nothing but one text."""
    found = tokens(sql)
    return len(found) == 1 and found[0].kind == STRING
