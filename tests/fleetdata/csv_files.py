"""Reports as a source delivers them."""

from __future__ import annotations

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
