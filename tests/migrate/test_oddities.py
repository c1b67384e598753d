"""At least a hundred databases with one oddity each: every one arrives whole, or nothing of it moves and the setting that takes it is named."""

from __future__ import annotations

import fnmatch
import re
import sqlite3
from collections import Counter

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate import source
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.migration import Migration, Target
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.plan import look
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.planned import Plan
from oddity_declared import DECLARED_ODDITIES
from oddity_keys import KEY_ODDITIES
from oddity_numbers import NUMBER_ODDITIES
from oddity_texts import TEXT_ODDITIES
from oddity_times import TIME_ODDITIES
from oddity_words import Oddity

ODDITIES = (*NUMBER_ODDITIES, *TEXT_ODDITIES, *TIME_ODDITIES, *KEY_ODDITIES, *DECLARED_ODDITIES)
each = pytest.mark.parametrize("oddity", ODDITIES, ids=lambda oddity: oddity.name)


def test_mrpt14_there_are_more_than_a_hundred_of_them() -> None:
    assert len(ODDITIES) >= 100
    assert [name for name, times in Counter(oddity.name for oddity in ODDITIES).items() if times > 1] == []


@each
def test_mrpt14_sqlite_takes_each_one_and_its_declaration_is_read(oddity: Oddity) -> None:
    database = sqlite3.connect(":memory:")
    database.executescript(oddity.sql)
    found = source.read(database, path="app.db")
    assert found.tables
    for place in oddity.types:
        table, _, column = place.partition(".")
        assert column in {each.name for each in found.tables[table].columns}


def planned(oddity: Oddity, **settings: object) -> Plan:
    database = sqlite3.connect(":memory:", isolation_level=None)
    database.executescript(oddity.sql)
    return look(database=database, migration=Migration(name="odd", database="app.db", target=Target(host="", database="", user=""), **settings))


def settled(oddity: Oddity) -> dict[str, object]:
    """The settings with which it arrives."""
    plan = planned(oddity, **oddity.settings)
    return {**oddity.settings, "accept": tuple(one.code for one in plan.blocking)} if oddity.accepted else dict(oddity.settings)


@each
def test_mrpt14_its_plan_tells_what_it_becomes_or_what_is_in_the_way_and_the_setting(oddity: Oddity) -> None:
    plan = planned(oddity)
    codes = [one.code for one in plan.differences]
    assert [pattern for pattern in oddity.told if not fnmatch.filter(codes, pattern)] == []
    assert all(one.setting for one in plan.blocking)
    if oddity.blocked:
        assert fnmatch.filter([one.code for one in plan.blocking], oddity.blocked)
    elif not oddity.accepted:
        assert plan.blocking == ()
    if oddity.never:
        return
    plan = planned(oddity, **settled(oddity))
    assert plan.blocking == ()
    found = {f"{table.source.name}.{column.source}": column.type for table in plan.tables.values() for column in table.columns}
    assert {place: found[place] for place, kind in oddity.types.items() if not re.fullmatch(kind, found[place])} == {}
