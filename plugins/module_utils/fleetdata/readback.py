# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects read back from S3, before anything counts on them."""

from __future__ import annotations

import collections
import hashlib
from collections.abc import Iterator

from . import gz
from .errors import DamageError
from .plan import Held
from .reading import Proved, content
from .store import Store


def prove(*, store: Store, manifest: Proved) -> None:
    """Read an object by its version, and unpack it. Raises DamageError unless it is what its manifest says."""
    collections.deque(content(store=store, manifest=manifest), maxlen=0)


def examine(*, store: Store, key: str) -> Held:
    """What an object holds of which there is no manifest, because its archiver was killed or is still at work."""
    packed, unpacked = hashlib.sha256(), hashlib.sha256()
    packed_bytes = unpacked_bytes = 0

    with store.read(key=key) as stream:

        def counted() -> Iterator[bytes]:
            nonlocal packed_bytes
            for block in stream:
                packed.update(block)
                packed_bytes += len(block)
                yield block

        blocks, damage = counted(), ""
        try:
            for block in gz.decompress(blocks):
                unpacked.update(block)
                unpacked_bytes += len(block)
        except DamageError as error:
            damage = str(error)
            collections.deque(blocks, maxlen=0)
        return Held(
            version_id=stream.version_id,
            object_bytes=packed_bytes,
            object_sha256=packed.hexdigest(),
            content_bytes=unpacked_bytes,
            content_sha256=unpacked.hexdigest(),
            compression=stream.metadata.get("compression", "unknown"),
            encoder=stream.metadata.get("encoder", "unknown"),
            damage=damage,
        )
