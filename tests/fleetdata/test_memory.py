"""What scan and compression take in memory does not depend on the file (F44)."""

from __future__ import annotations

import subprocess
import sys

from ansible_collections.steady.fleet.plugins.module_utils.fleetdata import scan

PEAKS = r"""
import resource
from fleetdata import gz
from fleetdata.model import ReportType
from fleetdata.scan import Scanner

def scanned(blocks):
    scanner, made, size = Scanner(report=ReportType(name="r", day_column="Day"), name="r.csv"), gz.Compressor("fast"), 0
    for block in blocks:
        scanner.feed(block)
        size += len(made.compress(block))
    print(scanner.finish().rows, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - idle) >> 10)

idle = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
row = b'2026-01-05,"a, b",' + b"x" * 44 + b"\n"
scanned([b"Day,b,c\n", *[row * 16384] * 96])
scanned([b"Day,b,c\n", b'2026-01-05,"', *[b'""' * 2**19] * 7, b'",\xf0\x9f\x98\x80\n'])
"""


def test_f44_a_large_file_and_a_large_row_take_bounded_memory() -> None:
    """96 MiB of rows, then one row of 7 MiB that is nothing but quotes."""
    folder = scan.__file__.rpartition("/fleetdata/")[0]
    done = subprocess.run([sys.executable, "-c", PEAKS], capture_output=True, text=True, check=True, env={"PYTHONPATH": folder})
    many, huge = (tuple(map(int, line.split())) for line in done.stdout.splitlines())

    assert many[0] == 96 * 16384
    assert many[1] < 16, "MiB above an idle Python"
    assert huge[0] == 1
    assert huge[1] < 48, "MiB above an idle Python"
