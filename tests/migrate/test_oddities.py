"""At least a hundred databases with one oddity each: every one arrives whole, or nothing of it moves and the setting that takes it is named."""

from __future__ import annotations

import sqlite3
from collections import Counter

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate import source
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
