"""The Cat-Scan stand-in: imports daily report CSVs into SQLite and serves their state over HTTP."""

from __future__ import annotations

__version__ = "1.0.0"
