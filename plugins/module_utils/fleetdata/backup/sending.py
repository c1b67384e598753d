# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file's way to the bucket and back, under a key that nothing lies under yet."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Callable

from .. import gz
from ..errors import StoreError
from ..reading import Proved, content
from ..send import Sender, Sent, send_checked
from ..store import Store
from .database import blocks


def send_file(*, store: Store, key: str, path: str, compression: str, moved: Callable[[int], None]) -> Sent:
    """Compress and send a file. Sent.stored is None when something lies there already. Raises StoreError."""
    metadata = {"compression": compression, "encoder": gz.encoder(compression)}
    sender = Sender(store=store, key=key, metadata=metadata, clear=True)
    return send_checked(blocks=told(blocks(path), moved), sender=sender, compression=compression)


def receive(*, store: Store, manifest: Proved, to: str, moved: Callable[[int], None]) -> None:
    """Write an object's content to a new file, which is on the disk then. Raises DamageError, StoreError, OSError; then there is no file.

    It is read by its version, so a version put over it does no harm, and a delete marker neither.
    """
    try:
        with open(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
            for block in told(content(store=store, manifest=manifest), moved):
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        if os.path.lexists(to):
            os.unlink(to)
        raise


def told(of: Iterable[bytes], moved: Callable[[int], None]) -> Iterator[bytes]:
    """The same blocks, and somebody who is told of them."""
    for block in of:
        moved(len(block))
        yield block


def taken(key: str) -> StoreError:
    """What to say when something lies where nothing could."""
    return StoreError(f"{key}: another run wrote there at the same time. One host alone backs up a name; run again.")
