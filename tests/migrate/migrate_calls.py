"""The command ``fleetdata migrate`` within this process, and an application's database that has what makes migrations hard."""

from __future__ import annotations

import io
import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest import mock

from ansible_collections.steady.fleet.plugins.module_utils.fleetdata import cli
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.migration import Target
from postgres_server import PASSWORD

SECRET_TEXT, SECRET_NUMBER = "canary-7f3d", 918_273_645
CANARIES = (SECRET_TEXT, str(SECRET_NUMBER), f"{SECRET_NUMBER:,}", PASSWORD)
"""Values of secret columns, and the target's password."""
SECRETS = ("--secret", "*.token", "--secret", "users.pin")


class Call:
    """How the command ended and what it wrote. No output ever holds a secret, or a traceback."""

    def __init__(self, *words: object, **environment: str) -> None:
        stdout, stderr = io.StringIO(), io.StringIO()
        with mock.patch.dict(os.environ, environment):
            self.code = cli.main(["migrate", *map(str, words)], stdout=stdout, stderr=stderr)
        self.stdout, self.stderr = stdout.getvalue(), stderr.getvalue()
        clean(self.stdout + self.stderr)
        assert "Traceback" not in self.stderr

    @property
    def document(self) -> Any:
        """What it wrote as JSON."""
        return json.loads(self.stdout)


def clean(text: str) -> None:
    """Fail where a text has a secret in it."""
    assert not [canary for canary in CANARIES if canary in text]


def url(target: Target, **more: str) -> str:
    """A target as the command's --target."""
    said = {"sslrootcert": target.ssl_root_cert, **more}
    query = "&".join(f"{name}={value}" for name, value in said.items())
    return f"postgresql://{target.user}@{target.host}:{target.port}/{target.database}?{query}"


def to(target: Target, **more: str) -> tuple[str, ...]:
    """The arguments that say where to."""
    return ("--target", url(target, **more), "--password-file", target.password_file)


def shop(path: Path, *, sound: bool = True) -> Path:
    """A database with secrets, in WAL. sound: without what is in the way of a migration."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.executescript(
            """CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT, email VARCHAR(120) NOT NULL UNIQUE, token TEXT, pin INTEGER,
                 is_admin BOOLEAN NOT NULL DEFAULT 0, created_at DATETIME DEFAULT CURRENT_TIMESTAMP);
               CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users (id), amount INTEGER NOT NULL, note TEXT);
               CREATE INDEX orders_user ON orders (user_id);"""
        )
        if not sound:
            database.executescript("CREATE TRIGGER audit AFTER INSERT ON orders BEGIN SELECT 1; END; CREATE VIEW rich AS SELECT email FROM users;")
        for number in range(1, 51):
            secret = None if number % 7 == 0 else f"{SECRET_TEXT}-{number}"
            database.execute("INSERT INTO users (email, token, pin) VALUES (?, ?, ?)", (f"u{number}@example.org", secret, SECRET_NUMBER + number - 1))
            database.execute("INSERT INTO orders (user_id, amount, note) VALUES (?, ?, ?)", (number, number * 3, "a note" if number % 2 else None))
        if not sound:
            database.execute("UPDATE orders SET amount = 'n/a' WHERE id = 6")
            database.execute("UPDATE orders SET user_id = 999 WHERE id = 9")
            database.execute("UPDATE users SET pin = ? WHERE id = 3", (f"{SECRET_TEXT}-pin",))
            database.execute("UPDATE users SET token = CAST(x'ff00' AS TEXT) || ? WHERE id = 4", (SECRET_TEXT,))
        database.commit()
    return path
