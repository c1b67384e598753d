#!/usr/bin/python3
"""An application's importer: each CSV file of a folder into a table."""

from __future__ import annotations

import csv
import sqlite3
import sys
from contextlib import closing
from pathlib import Path


def main() -> None:
    folder, database = sys.argv[1:]
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("CREATE TABLE IF NOT EXISTS visits (day TEXT, page TEXT)")
        for path in Path(folder).glob("*.csv"):
            with path.open(newline="") as file:
                connection.executemany("INSERT INTO visits VALUES (:Day, :Page)", list(csv.DictReader(file)))


if __name__ == "__main__":
    main()
