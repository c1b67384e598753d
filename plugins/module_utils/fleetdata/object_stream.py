# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An object's bytes as they come, over connections that may break."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Callable

from .store_errors import explained

with suppress(ImportError):  # without botocore nothing is read
    from botocore.exceptions import HTTPClientError, IncompleteReadError, ReadTimeoutError, ResponseStreamingError

BLOCK = 1 << 20
"""Bytes read at once."""
_TRIES = 5


class ObjectStream(Iterator[bytes]):
    """An object that is being read. version_id: empty in a bucket without versions. metadata: what was written along with it."""

    def __init__(self, *, client: Any, wanted: dict[str, Any], sleep: Callable[[float], None]) -> None:
        self._client, self._wanted, self._sleep = client, wanted, sleep
        self._position = self._tries = 0
        answer = self._open()
        self.version_id = str(answer.get("VersionId", ""))
        self.metadata: Mapping[str, str] = answer.get("Metadata", {})
        wanted["IfMatch"] = answer["ETag"]

    def __next__(self) -> bytes:
        while True:
            try:
                block = next(self._blocks)
            except (HTTPClientError, IncompleteReadError, ReadTimeoutError, ResponseStreamingError) as error:
                self._resume(error)
            else:
                self._position, self._tries = self._position + len(block), 0
                return block

    def close(self) -> None:
        """Give the connection up."""
        self._body.close()

    def _open(self) -> Any:
        with explained("GetObject", bucket=self._wanted["Bucket"], key=self._wanted["Key"]):
            answer = self._client.get_object(**self._wanted)
        self._body = answer["Body"]
        self._blocks: Iterator[bytes] = self._body.iter_chunks(BLOCK)
        return answer

    def _resume(self, broken: Exception) -> None:
        self.close()
        self._tries += 1
        if self._tries == _TRIES:
            with explained("GetObject", bucket=self._wanted["Bucket"], key=self._wanted["Key"]):
                raise broken
        self._sleep(0.1 * 2**self._tries)
        self._wanted["Range"] = f"bytes={self._position}-"
        self._open()
