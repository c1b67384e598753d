"""An application: each POST writes a row, each GET says which database it has and how many rows; libpq's variables say where PostgreSQL is."""

from __future__ import annotations

import json
import os
import sqlite3
from http.server import BaseHTTPRequestHandler, HTTPServer

import psycopg

DATABASE = os.environ["DATABASE"]


def ask(query: str) -> list[tuple[object, ...]]:
    there = "/var/lib/shop/shop.db"
    database = sqlite3.connect(there, isolation_level=None) if DATABASE == "sqlite" else psycopg.connect("", autocommit=True)
    found = database.execute(query)
    rows = found.fetchall() if found.description else []
    database.close()
    return rows


class Shop(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        ask("INSERT INTO sale (what) VALUES ('tea')")
        self.do_GET()

    def do_GET(self) -> None:
        ((count,),) = ask("SELECT count(*) FROM sale")
        unwell = os.path.exists("/var/lib/shop/unwell") and DATABASE != "sqlite"
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"status": "unwell" if unwell else "ok", "database": DATABASE, "rows": count}).encode())


if __name__ == "__main__":
    if DATABASE == "sqlite":
        ask("PRAGMA journal_mode = WAL")
        ask("CREATE TABLE IF NOT EXISTS sale (id INTEGER PRIMARY KEY, what TEXT NOT NULL)")
    HTTPServer(("127.0.0.1", 8095), Shop).serve_forever()
