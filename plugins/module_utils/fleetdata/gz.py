# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gzip that depends on nothing but the content and the encoder: the same CSV is the same object, on every machine and however it was read.

No time, no name, no operating system in the header, one member, fixed settings, and the library sees blocks of one size whatever the caller gives.
What remains is in ``encoder``: another version may write other bytes, and isal writes others on ARM than on x86-64 (where all processors agree).
"""

from __future__ import annotations

import importlib
import platform
import struct
import zlib
from collections.abc import Generator, Iterable, Iterator
from typing import Any

from .errors import ConfigurationError, DamageError
from .model import FAST, SMALL

_BLOCK = 1 << 20
_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
"""Deflate, no flags, no time, no extra flags, unknown operating system."""
_RAW = -15
_FAST_LEVEL, _SMALL_LEVEL = 1, 6
_MEMORY = 8


def encoder(kind: str) -> str:
    """All that the bytes depend on besides the content, for the manifest: library, version, level, architecture. ConfigurationError as of Compressor."""
    if kind == SMALL:
        return f"zlib {zlib.ZLIB_RUNTIME_VERSION} level {_SMALL_LEVEL}"
    _require_fast(kind)
    return f"isal {importlib.import_module('isal').__version__} level {_FAST_LEVEL} {platform.machine()}"


class Compressor:
    """One gzip stream. kind: FAST (isal) or SMALL (zlib). ConfigurationError for another kind, or for FAST without isal."""

    def __init__(self, kind: str) -> None:
        library: Any = zlib if kind == SMALL else _require_fast(kind)
        level = _SMALL_LEVEL if kind == SMALL else _FAST_LEVEL
        self._deflate = library.compressobj(level, zlib.DEFLATED, _RAW, _MEMORY)
        self._pending = bytearray()
        self._out = [_HEADER]
        self._crc, self._crc32 = 0, library.crc32
        self._size = 0

    def compress(self, data: bytes | memoryview) -> bytes:
        """What of the stream is ready, b"" at times."""
        rest = memoryview(data)
        while len(self._pending) + len(rest) >= _BLOCK:
            if self._pending:
                taken = _BLOCK - len(self._pending)
                self._pending += rest[:taken]
                self._add(self._pending)
                self._pending = bytearray()
            else:
                taken = _BLOCK
                self._add(rest[:taken])
            rest = rest[taken:]
        self._pending += rest
        return self._take()

    def flush(self) -> bytes:
        """The rest of the stream. Nothing can be compressed after it."""
        self._add(self._pending)
        self._out += [self._deflate.flush(), struct.pack("<LL", self._crc, self._size & 0xFFFFFFFF)]
        return self._take()

    def _add(self, block: bytes | bytearray | memoryview) -> None:
        self._crc = self._crc32(block, self._crc)
        self._size += len(block)
        self._out.append(self._deflate.compress(block))

    def _take(self) -> bytes:
        ready, self._out = b"".join(self._out), []
        return ready


def decompress(chunks: Iterable[bytes]) -> Generator[bytes, None, None]:
    """The content of a stream that Compressor wrote, in blocks of 1 MiB at most.

    chunks: the stream, cut anywhere. DamageError, maybe after good blocks, when it is corrupt, truncated, or followed by anything. isal reads it when there
    is one, zlib when not; both read what either wrote.
    """
    library: Any = _isal() or zlib
    stream = library.decompressobj(16 + zlib.MAX_WBITS)
    read = 0
    for chunk in chunks:
        try:
            for block in _drain(stream, chunk):
                read += len(block)
                yield block
        except (zlib.error, library.error) as error:
            raise DamageError(f"The gzip stream is corrupt after {read} bytes of content: {error}.") from None
        if stream.unused_data:
            raise DamageError(f"Something follows the end of the gzip stream, after {read} bytes of content.")
    if not stream.eof:
        raise DamageError(f"The gzip stream is truncated after {read} bytes of content.")


def _drain(stream: Any, chunk: bytes) -> Iterator[bytes]:
    if stream.eof:
        raise zlib.error("something follows its end")
    full = True
    while not stream.eof and (chunk or full):
        block = stream.decompress(chunk, _BLOCK)
        chunk, full = stream.unconsumed_tail, len(block) == _BLOCK
        if block:
            yield block


def _require_fast(kind: str) -> Any:
    if kind != FAST:
        raise ConfigurationError(f"compression: {kind!r} is not one of {FAST}, {SMALL}.")
    library = _isal()
    if library is None:
        raise ConfigurationError(f"compression: {FAST} needs the Python package isal, which is not installed here; install it, or use {SMALL}.")
    return library


def _isal() -> Any:
    try:
        return importlib.import_module("isal.isal_zlib")
    except ImportError:
        return None
