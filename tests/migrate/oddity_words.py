"""How an oddity is written down: a small database, and what has to become of it. These tables are the specification of plan and load."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

INTEGERS = "bigint|integer|smallint"
NUMBERS = "numeric|double precision"
MOMENT = "timestamp without time zone"
MOMENT_ZONE = "timestamp with time zone"


@dataclass(frozen=True)
class Oddity:
    """A database (its SQL) with one oddity.

    types: by "table.column" of the target, a pattern of what format_type() says. shows: by query, with the schema in the search path, the first column of
    its rows, as it is after all is in place. told: patterns (fnmatch) of codes that the plan has to have. blocked: the pattern of the code of a difference
    that blocks it without ``settings`` (fields of a Migration); with them it arrives. ``settings`` without ``blocked``: it arrives with these.
    accepted: the blocking codes are accepted, too. misfits: rows that are put aside. never: with nothing does it arrive.
    """

    name: str
    sql: str
    types: Mapping[str, str] = field(default_factory=dict)
    shows: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    told: tuple[str, ...] = ()
    blocked: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    accepted: bool = False
    misfits: int = 0
    never: bool = False


def cells(name: str, declared: str, values: Sequence[str], kind: str = "", shown: Sequence[str | None] = (), **more: Any) -> Oddity:
    """One table t with a column a of a declared type and these values (as SQL); its type in the target, and its values there, as text."""
    inserts = "".join(f"INSERT INTO t (a) VALUES ({value});" for value in values)
    return Oddity(
        name=name,
        sql=f"CREATE TABLE t (id INTEGER PRIMARY KEY, a {declared});{inserts}",
        types={"t.a": kind} if kind else {},
        shows={"SELECT a::text FROM t ORDER BY id": list(shown)} if shown else {},
        **more,
    )


def misfit(
    name: str, declared: str, values: Sequence[str], settings: Mapping[str, Any], *, kind: str = "", shown: Sequence[str | None] = (), **more: Any
) -> Oddity:
    """A column whose values do not fit what it was declared to be, and the setting that takes them."""
    return cells(name, declared, values, kind, shown, blocked="misfit:t.a", settings=settings, **more)


def cast(kind: str) -> dict[str, dict[str, str]]:
    """The column a is given a type."""
    return {"casts": {"t.a": kind}}


EMPTY_IS_NULL: Mapping[str, Any] = {"empty_as_null": ("t.a",)}
ASIDE: Mapping[str, Any] = {"on_misfit": "quarantine"}
