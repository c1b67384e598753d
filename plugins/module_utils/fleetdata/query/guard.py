# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a statement may do: read. SQLite asks for each thing that it would do, before it does it."""

from __future__ import annotations

import sqlite3
from typing import Any

from ..errors import UsageError

LIVE = "live"
"""What the application's database is called in SQL."""
_READS = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE)
_PRAGMAS = ("table_info", "table_xinfo", "table_list", "index_list", "index_info", "index_xinfo")
_REACH_OUT = ("load_extension", "readfile", "writefile", "edit", "fts3_tokenizer")


class Guard:
    """An authorizer. used: names, in small letters, of the views that the statement reads. refused: a sentence once something was."""

    def __init__(self) -> None:
        self.used: set[str] = set()
        self.refused = ""

    def __call__(self, action: int, first: Any, second: Any, database: Any, source: Any) -> int:
        """SQLITE_OK or SQLITE_DENY."""
        if action in _READS:
            if action == sqlite3.SQLITE_READ:  # a view that reads something, and one of which something is read
                self.used |= {str(name).lower() for name in (source, first if database in ("temp", None) else None) if name}
            return sqlite3.SQLITE_OK
        if action == sqlite3.SQLITE_FUNCTION:
            return self._judge(str(second).lower() not in _REACH_OUT, f"The function {second} is not available")
        if action == sqlite3.SQLITE_PRAGMA:
            return self._judge(str(first).lower() in _PRAGMAS, f"PRAGMA {first} is not available")
        return self._judge(False, "The statement would change something")

    def _judge(self, good: bool, refusal: str) -> int:
        if good:
            return sqlite3.SQLITE_OK
        self.refused = self.refused or f"{refusal}: a query only reads. Say SELECT, WITH or EXPLAIN. Nothing was changed."
        return sqlite3.SQLITE_DENY

    def explained(self, error: Exception) -> UsageError:
        """What is wrong with the statement."""
        if "because it is a view" in str(error):
            self._judge(False, "The statement would change something")
        if self.refused:
            return UsageError(self.refused)
        return UsageError(f"The statement cannot be answered: {str(error).rstrip('.')}.")
