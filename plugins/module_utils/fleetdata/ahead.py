# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Blocks made in a thread of their own, while those before them are used: what reads, unpacks and hashes lets other threads run meanwhile."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable
from contextlib import suppress
from typing import Union

_AHEAD = 2
_Item = Union[bytes, BaseException, None]


def ahead(blocks: Iterable[bytes]) -> Generator[bytes, None, None]:
    """The same blocks, and the same error in the same place. A few blocks are held at most. Whoever stops taking them stops their making."""
    made: queue.Queue[_Item] = queue.Queue(_AHEAD)
    stopped = threading.Event()

    def make() -> None:
        last: _Item = None
        try:
            for block in blocks:
                made.put(block)
                if stopped.is_set():
                    break
        except BaseException as error:
            last = error
        made.put(last)

    thread = threading.Thread(target=make, daemon=True)
    thread.start()
    try:
        while (item := made.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stopped.set()
        while thread.is_alive():
            with suppress(queue.Empty):
                made.get(timeout=0.01)
