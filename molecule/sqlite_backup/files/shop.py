"""An application that writes all the time: a row in each transaction, numbered without a gap."""

from __future__ import annotations

import sqlite3
import time

DATABASE = "/var/lib/shop/shop.db"
PAUSE_SECONDS = 0.005


def main() -> None:
    database = sqlite3.connect(DATABASE, isolation_level=None, timeout=30)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("CREATE TABLE IF NOT EXISTS sale (id INTEGER PRIMARY KEY, at REAL NOT NULL)")
    database.execute("CREATE TABLE IF NOT EXISTS total (sales INTEGER NOT NULL)")
    database.execute("INSERT INTO total SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM total)")
    while True:
        database.execute("BEGIN IMMEDIATE")
        database.execute("INSERT INTO sale (at) VALUES (?)", (time.time(),))
        database.execute("UPDATE total SET sales = sales + 1")
        database.execute("COMMIT")
        time.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    main()
