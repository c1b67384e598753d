"""An application that writes until it is killed, and notes what it wrote only when that is committed: writing_on.py SIDE WHERE LOG FIRST."""

from __future__ import annotations

import random
import sqlite3
import sys
from pathlib import Path

import psycopg


def deleted_with(number: int) -> int:
    """The row that goes in the transaction that brings a row, 0 for none."""
    return number - 4 if number % 5 == 0 else 0


def under_way(last: int) -> int:
    """The row that goes in the transaction after the last one that was acknowledged."""
    return deleted_with(last + 1)


def main(side: str, where: str, log: str, first: int) -> None:
    """A line is: the number of a new row, that of one that is gone (0 for none), the text of the new one."""
    draw, lite = random.Random(first), side == "sqlite"
    database = sqlite3.connect(where, timeout=30, isolation_level=None) if lite else psycopg.connect(where, autocommit=True)
    mark, begin = ("?", "BEGIN IMMEDIATE") if lite else ("%s", "BEGIN")
    number = first
    with Path(log).open("a", buffering=1) as told:
        while True:
            number += 1
            body, gone = f"{side} {number} {draw.random()}", deleted_with(number)
            database.execute(begin)
            database.execute(f"INSERT INTO message (id, body, read) VALUES ({mark}, {mark}, {mark})", (number, body, number % 2 if lite else number % 2 == 1))
            database.execute(f"UPDATE account SET visits = visits + 1, last = {mark} WHERE id = {mark}", (number, number % 7))
            if gone > first:
                database.execute(f"DELETE FROM message WHERE id = {mark}", (gone,))
            database.execute("COMMIT")
            print(number, gone if gone > first else 0, body, file=told)


if __name__ == "__main__":
    main(*sys.argv[1:4], int(sys.argv[4]))
