"""Gzip that depends on its content only, and damage that is always seen (CS-28, F44; field notes: gzip's time stamp makes a retry look like new data)."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import itertools
import platform
import random
import re
import subprocess
import sys
import zlib

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata import gz
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.errors import ConfigurationError, DamageError
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.model import FAST, SMALL
from hypothesis import given
from hypothesis import strategies as st

KINDS = [FAST, SMALL]
BLOCK = 1 << 20
NO_ISAL = {"isal": None, "isal.isal_zlib": None}


def report(rows: int) -> bytes:
    draw = random.Random(rows)
    return b"Day,Creative ID,Country,Bids\n" + b"".join(
        b"2026-01-05,cr-%d,%s,%d\n" % (draw.randrange(10**6), draw.choice([b"DE", b"FR", b"US"]), draw.randrange(10**4)) for _ in range(rows)
    )


LARGE = report(100_000)


def packed(data: bytes, *, kind: str, step: int = BLOCK) -> bytes:
    made = gz.Compressor(kind)
    return b"".join([*(made.compress(data[start : start + step]) for start in range(0, len(data), step)), made.flush()])


def unpacked(stream: bytes, *, step: int = BLOCK) -> bytes:
    return b"".join(gz.decompress(stream[start : start + step] for start in range(0, len(stream), step)))


@pytest.mark.parametrize("kind", KINDS)
def test_f44_the_same_content_is_the_same_object_however_it_is_read(kind: str) -> None:
    assert len({packed(LARGE, kind=kind, step=step) for step in (1000, 4096, 65_537, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK)}) == 1


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.binary(max_size=400), cuts=st.lists(st.integers(0, 400), max_size=5))
def test_f44_any_content_cut_anywhere_comes_back(kind: str, data: bytes, cuts: list[int]) -> None:
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    made = gz.Compressor(kind)
    stream = b"".join([*(made.compress(memoryview(data)[start:stop]) for start, stop in itertools.pairwise(places)), made.flush()])

    assert stream == packed(data, kind=kind)
    assert unpacked(stream, step=7) == data == gzip.decompress(stream)


@pytest.mark.parametrize("kind", KINDS)
def test_f44_another_process_makes_the_same_object(kind: str) -> None:
    program = (
        "import sys, hashlib; from fleetdata import gz; made = gz.Compressor(sys.argv[1]); data = sys.stdin.buffer.read(); "
        "print(hashlib.sha256(made.compress(data) + made.flush()).hexdigest())"
    )
    folder = gz.__file__.rpartition("/fleetdata/")[0]
    done = subprocess.run([sys.executable, "-c", program, kind], input=LARGE, capture_output=True, check=True, env={"PYTHONPATH": folder})

    assert done.stdout.decode().strip() == hashlib.sha256(packed(LARGE, kind=kind)).hexdigest()


@pytest.mark.parametrize("kind", KINDS)
def test_f44_the_header_says_nothing_of_time_name_or_machine(kind: str) -> None:
    assert packed(LARGE, kind=kind)[:10] == b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"


@pytest.mark.parametrize("kind", KINDS)
def test_cs37_the_systems_own_gzip_reads_it(kind: str) -> None:
    stream = packed(LARGE, kind=kind)

    subprocess.run(["gzip", "-t"], input=stream, check=True)
    assert subprocess.run(["gunzip", "-c"], input=stream, capture_output=True, check=True).stdout == LARGE


@pytest.mark.parametrize("library", ["isal", "zlib"])
@pytest.mark.parametrize("kind", KINDS)
def test_f46_every_damage_of_a_stream_is_seen(kind: str, library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = report(60)
    stream, another = packed(data, kind=kind), packed(b"", kind=kind)
    if library == "zlib":
        monkeypatch.setattr(gz, "_isal", lambda: None)
    assert unpacked(stream) == data
    damaged = [stream[:cut] for cut in range(len(stream))] + [stream + tail for tail in (b"\0", b"x", stream, another)]
    for place in [*range(4), *range(10, len(stream))]:
        damaged += [stream[:place] + bytes([stream[place] ^ 1 << bit]) + stream[place + 1 :] for bit in range(8)]

    for bad in damaged:
        for step in (BLOCK, 11):
            with contextlib.suppress(DamageError):
                assert unpacked(bad, step=step) == data, "other content, and nothing said"
                assert len(bad) == len(stream), "cut or followed by something, and nothing said"


def test_f46_what_follows_a_stream_is_damage_even_in_a_chunk_of_its_own() -> None:
    with pytest.raises(DamageError, match="follows"):
        list(gz.decompress([packed(b"a", kind=SMALL), b"", b"x"]))


@pytest.mark.parametrize("library", ["isal", "zlib"])
def test_f44_a_small_object_of_much_content_is_read_in_bounded_blocks(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if library == "zlib":
        monkeypatch.setattr(gz, "_isal", lambda: None)
    bomb = gzip.compress(bytes(64 * BLOCK))
    sizes = [len(block) for block in gz.decompress([bomb])]

    assert sum(sizes) == 64 * BLOCK
    assert max(sizes) <= BLOCK


def test_f44_without_isal_only_fast_compression_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = packed(LARGE, kind=FAST)
    for name in NO_ISAL:
        monkeypatch.setitem(sys.modules, name, None)

    assert unpacked(stream) == LARGE
    assert gzip.decompress(packed(LARGE, kind=SMALL)) == LARGE
    for refused in (gz.Compressor, gz.encoder):
        with pytest.raises(ConfigurationError, match="install it, or use small"):
            refused(FAST)


def test_f44_the_encoder_is_named_for_the_manifest() -> None:
    assert re.fullmatch(rf"isal [0-9.]+ level 1 {platform.machine()}", gz.encoder(FAST))
    assert gz.encoder(SMALL) == f"zlib {zlib.ZLIB_RUNTIME_VERSION} level 6"
    with pytest.raises(ConfigurationError, match="'best' is not one of fast, small"):
        gz.encoder("best")
