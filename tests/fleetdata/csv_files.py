"""Reports as a source delivers them."""

from __future__ import annotations

import base64
import random
from pathlib import Path

COLUMNS = ("Day", "Buyer account ID", "Creative ID", "Impressions", "Clicks", "Spend")


def csv_bytes(day: str = "2026-01-31", *, rows: int = 3, clicks: int = 7) -> bytes:
    """The report of one day. clicks: another number makes another content."""
    lines = [",".join(COLUMNS)]
    lines += [f'{day},1234567,"creative, {row}",{row * 31 % 977},{clicks},{row % 89}.{row % 100:02d}' for row in range(rows)]
    return ("\n".join(lines) + "\n").encode()


def write_csv(folder: Path, day: str = "2026-01-31", *, report: str = "performance", rows: int = 3, clicks: int = 7) -> Path:
    """A file with the report of one day, named as Cat-Scan names it."""
    path = folder / f"catscan-{report}-{day}.csv"
    path.write_bytes(csv_bytes(day, rows=rows, clicks=clicks))
    return path


def large_csv(path: Path, day: str = "2026-01-31", *, megabytes: int = 12, seed: int = 1) -> Path:
    """A report that compresses badly, to about three quarters: large objects from small files."""
    generator = random.Random(seed)
    with path.open("wb") as file:
        file.write(",".join(COLUMNS).encode() + b"\n")
        while file.tell() < megabytes << 20:
            noise = base64.b64encode(generator.randbytes(768))
            file.write(b'%s,1234567,"%s",1,2,3.50\n' % (day.encode(), noise))
    return path
