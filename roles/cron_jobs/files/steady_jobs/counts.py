# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a program says to have moved: lines such as ``rows=1500 files=3`` in the file that ``$STEADY_JOB_COUNTS`` names."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Mapping

from .model import Paths

VARIABLE = "STEADY_JOB_COUNTS"
_WORD = re.compile(r"([a-z][a-z0-9_]{0,31})=(\d{1,18})")
_LONGEST, _MOST = 65536, 32


@contextlib.contextmanager
def opened(paths: Paths, name: str, owner: tuple[int, int] | None) -> Iterator[tuple[str, int]]:
    """Make an empty file that only ``owner`` (and root) may write to; yield its path and a descriptor to read it."""
    os.makedirs(paths.counts, mode=0o711, exist_ok=True)
    path = f"{paths.counts}/{name}"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        if owner:
            os.fchown(file, *owner)
        yield path, file
    finally:
        os.close(file)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


def read(file: int) -> tuple[dict[str, int], str]:
    """Return the sums of all lines, and what is wrong with the first line that is no such line (then empty)."""
    text = os.pread(file, _LONGEST, 0).decode(errors="replace")
    return parse(text)


def parse(text: str) -> tuple[dict[str, int], str]:
    """As ``read``; a program that writes several lines moved the sum of them."""
    sums: dict[str, int] = {}
    problem = ""
    for number, line in enumerate(text.splitlines(), 1):
        for word in line.split():
            found = _WORD.fullmatch(word)
            if found and (found[1] in sums or len(sums) < _MOST):
                sums[found[1]] = sums.get(found[1], 0) + int(found[2])
            else:
                problem = problem or f"line {number} of its counts is not NAME=NUMBER"
    return sums, problem


def missing(counts: Mapping[str, int], expect: Mapping[str, int]) -> str:
    """What falls short of the least that is expected; empty if nothing does."""
    return ", ".join(f"{name} {counts.get(name, 0)} of at least {least}" for name, least in sorted(expect.items()) if counts.get(name, 0) < least)
