# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Blocks made in another thread are the blocks that were made, and so is the error."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.ahead import ahead
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.errors import DamageError
from hypothesis import given
from hypothesis import strategies as st


@given(blocks=st.lists(st.binary(max_size=3)), fails=st.booleans())
def test_the_same_blocks_and_the_same_error_in_the_same_place(blocks: list[bytes], fails: bool) -> None:
    def made() -> Iterator[bytes]:
        yield from blocks
        if fails:
            raise DamageError("damaged")

    found = []
    try:
        found.extend(ahead(made()))
        failed = False
    except DamageError:
        failed = True
    assert (found, failed) == (blocks, fails)


@pytest.mark.parametrize("taken", [0, 1, 5])
def test_whoever_stops_taking_stops_the_making(taken: int) -> None:
    made = 0

    def endless() -> Iterator[bytes]:
        nonlocal made
        while True:
            made += 1
            yield b"block"

    before = threading.active_count()
    blocks = ahead(endless())
    assert [next(blocks) for _ in range(taken)] == [b"block"] * taken
    blocks.close()
    assert threading.active_count() == before
    assert made <= taken + 4


def test_what_was_left_can_be_taken_by_another_after_an_error_of_the_first() -> None:
    """As a damaged object is read to its end, for its digest."""
    blocks = ahead(iter([b"1", b"2", b"3"]))

    def first() -> Iterator[bytes]:
        yield next(blocks)
        raise DamageError("damaged")

    with pytest.raises(DamageError):
        list(ahead(first()))
    assert list(blocks) == [b"2", b"3"]
