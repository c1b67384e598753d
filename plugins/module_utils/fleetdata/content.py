# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file's content: what it holds, and how it gets to S3. A small one is kept in memory, a large one is read again whenever it is needed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Callable

from .model import Facts, ReportType
from .scan import Scanner, report_day
from .send import Sender, Sent, send, send_checked
from .source import Source, UnsettledError

SMALL = 8 << 20
"""Bytes of a file that is read at once."""


class Content:
    """The content of a file. moved: told how many bytes were read."""

    def __init__(self, *, source: Source, report: ReportType, moved: Callable[[int], None]) -> None:
        self._source, self._report, self._moved = source, report, moved
        self._kept = b""

    @property
    def large(self) -> bool:
        """Whether it is streamed."""
        return self._source.size > SMALL

    def scan(self) -> Facts:
        """What the file holds. Raises ContentError."""
        scanner, kept = self._scanner(), []
        for block in self._told():
            scanner.feed(block)
            kept += [] if self.large else [block]
        self._kept = b"".join(kept)
        return scanner.finish()

    def scan_and_send(self, *, sender: Sender, compression: str, day: str) -> tuple[Facts, Sent | None]:
        """Read once: scan and send at the same time. Sent is None, and nothing was written, unless the file is of ``day``."""

        def accept(facts: Facts) -> bool:
            return self.day(facts) == day

        return send(blocks=self._told(), scanner=self._scanner(), sender=sender, compression=compression, accept=accept)

    def send(self, *, sender: Sender, compression: str, facts: Facts) -> Sent:
        """Send what ``scan`` found. Raises UnsettledError when the file is no longer that."""
        if not self.large:
            return send_checked(blocks=[self._kept], sender=sender, compression=compression)
        blocks = self._source.blocks()
        _, sent = send(blocks=blocks, scanner=self._scanner(), sender=sender, compression=compression, accept=lambda found: found == facts)
        if sent is None:
            raise UnsettledError(f"{self._source.path}: it was changed while it was read. Nothing was counted; run again when it is complete.")
        return sent

    def day(self, facts: Facts) -> str:
        """The day whose report it is. Raises ContentError."""
        return report_day(facts=facts, report=self._report, name=self._source.path)

    def _scanner(self) -> Scanner:
        return Scanner(report=self._report, name=self._source.path)

    def _told(self) -> Iterator[bytes]:
        for block in self._source.blocks():
            self._moved(len(block))
            yield block
