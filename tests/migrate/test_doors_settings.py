# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""MRPT-12, W-7: a migration is declared once, without a password; what is wrong in it is named before anything is touched."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata import arguments, configuration
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.errors import ConfigurationError
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate import chosen, settings
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.migration import Migration, Target

WHERE = "migrations.json: migrations"
SHOP: dict[str, Any] = {
    "database": "/var/lib/shop/shop.db",
    "target": {"host": "db.example.org", "database": "shop", "user": "shop_owner", "password_file": "/etc/shop/owner", "ssl_root_cert": "/etc/ssl/rds.pem"},
    "tables": {"Orders": "purchases"},
    "casts": {"orders.amount": "numeric(12,2)"},
    "secret": ["*.token"],
    "jobs": 2,
}


def test_mrpt12_a_migration_is_what_is_declared() -> None:
    (found,) = settings.parse_all({"shop": SHOP}, WHERE).values()
    target = Target(host="db.example.org", database="shop", user="shop_owner", password_file="/etc/shop/owner", ssl_root_cert="/etc/ssl/rds.pem")
    assert found == Migration(
        name="shop",
        database="/var/lib/shop/shop.db",
        target=target,
        tables={"Orders": "purchases"},
        casts={"orders.amount": "numeric(12,2)"},
        secret=("*.token",),
        jobs=2,
    )


def test_w4_the_server_has_to_prove_who_it_is_unless_something_else_is_said() -> None:
    assert settings.parse("shop", SHOP, WHERE).target.ssl_mode == "verify-full"
    assert settings.target_data("postgresql://app@db.example.org/app").get("ssl_mode") is None


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        (("target", "password"), "canary-5e1f", "shop.target.password: a password is never part of the configuration; put it alone into a file"),
        (("login_password",), "canary-5e1f", "shop.login_password: a password is never part"),
        (("target", "sslmode"), "verify-full", "shop.target.sslmode: is not a setting; ssl_mode is the nearest."),
        (("target", "ssl_mode"), "verify", "shop.target.ssl_mode: 'verify' is not one of disable, allow, prefer, require, verify-ca, verify-full."),
        (("target", "port"), 70000, "shop.target.port: must be a whole number from 1 to 65535."),
        (("target", "host"), "", "shop.target.host: is empty."),
        (("target",), "db.example.org", "shop.target: must be a mapping of settings, not text."),
        (("databse",), "/x", "shop.databse: is not a setting; database is the nearest."),
        (("secrets",), ["*.token"], "shop.secrets: is not a setting; secret is the nearest, a list of columns"),
        (("database",), "shop.db", "shop.database: 'shop.db' is not an absolute path; begin it with /."),
        (("secret",), ["token"], "shop.secret: 'token' is not table.column, such as orders.amount."),
        (("casts",), {"amount": "text"}, "shop.casts: 'amount' is not table.column"),
        (("casts",), ["orders.amount"], "shop.casts: must be a mapping of columns, each as table.column, with the type of PostgreSQL of each, not a list."),
        (("tables",), {"Orders": "x" * 64}, "is longer than 63 bytes, the longest name of PostgreSQL."),
        (("schema",), "x" * 60, "is longer than 55 bytes, which leaves no room for __steady behind it."),
        (("schema",), "pg_catalog", "shop.schema: pg_catalog is PostgreSQL's own; name another schema."),
        (("mode",), "replace", "shop.mode: 'replace' is not one of create, into_existing."),
        (("on_misfit",), "skip", "shop.on_misfit: 'skip' is not one of fail, quarantine."),
        (("jobs",), 0, "shop.jobs: must be a whole number from 1 to 16."),
    ],
)
def test_w7_a_mistake_is_named_with_its_place_and_never_with_a_secret(path: tuple[str, ...], value: object, sentence: str) -> None:
    said = copy.deepcopy(SHOP)
    place = said
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    with pytest.raises(ConfigurationError) as told:
        settings.parse_all({"shop": said}, WHERE)
    assert str(told.value).startswith(f"{WHERE}: shop.")
    assert sentence in str(told.value)
    assert "canary-5e1f" not in str(told.value)


@pytest.mark.parametrize("missing", ["database", "target"])
def test_what_has_no_default_has_to_be_said(missing: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"shop\.{missing}: is missing; it has no default"):
        settings.parse("shop", {name: value for name, value in SHOP.items() if name != missing}, WHERE)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        (
            "postgresql://app" + ":canary-5e1f@db/app",
            "has a password in it, which every user of this host could read. Leave it out, and say it by --password-file",
        ),
        ("postgresql://db/app", "must have a user, a host and a database: postgresql://USER@HOST:5432/DATABASE."),
        ("postgresql://app@db", "must have a user, a host and a database"),
        ("mysql://app@db/app", "must have a user, a host and a database"),
        ("postgresql://app@db:port/app", "cannot be read; write it as postgresql://USER@HOST:5432/DATABASE."),
        ("postgresql://app@db/app?password=canary-5e1f", "'password' is not understood behind the question mark; there are sslmode, sslrootcert."),
    ],
)
def test_w7_an_address_with_a_password_or_without_a_database_is_refused(url: str, sentence: str) -> None:
    with pytest.raises(ConfigurationError) as told:
        settings.target_data(url)
    assert sentence in str(told.value)
    assert "canary-5e1f" not in str(told.value)


def asked(folder: Path, *words: str) -> Migration:
    said = arguments.parse(["migrate", "plan", "--config", str(folder / "fleetdata.json"), *words])
    return chosen.migration(said, configuration.load(said.config), alone=True)


@pytest.fixture
def declared(tmp_path: Path) -> Path:
    (tmp_path / "fleetdata.d").mkdir()
    (tmp_path / "fleetdata.d/migrations.json").write_text(json.dumps({"migrations": {"shop": SHOP}}))
    return tmp_path


def test_a_declared_migration_is_asked_for_by_its_name_and_the_only_one_by_none(declared: Path) -> None:
    assert asked(declared, "shop") == asked(declared) == settings.parse("shop", SHOP, WHERE)


def test_what_the_call_says_goes_before_what_is_declared(declared: Path) -> None:
    found = asked(declared, "shop", "--schema", "app", "--cast", "orders.id=bigint", "--rename", "orders.sum=total", "--secret", "users.mail", "--jobs", "4")
    assert (found.schema, found.jobs) == ("app", 4)
    assert found.casts == {"orders.amount": "numeric(12,2)", "orders.id": "bigint"}
    assert (found.columns, found.tables) == ({"orders.sum": "total"}, {"Orders": "purchases"})
    assert found.secret == ("*.token", "users.mail")


def test_a_laptop_needs_no_configuration(tmp_path: Path) -> None:
    there = str(tmp_path / "My shop.v2.db")
    found = asked(tmp_path, there, "--target", f"postgresql://me@localhost:5433/shop%20x?sslmode=require&sslrootcert={tmp_path}/ca.crt")
    assert (found.name, found.database) == ("My-shop", there)
    assert found.target == Target(host="localhost", database="shop x", user="me", port=5433, ssl_mode="require", ssl_root_cert=f"{tmp_path}/ca.crt")
    assert asked(tmp_path, there).target == settings.NOWHERE


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("shopp",), "'shopp' is no declared migration; there are shop. A database that is not declared is said by its path, and with its target."),
        (("--target", "postgresql://me@db/shop"), "--target goes with the SQLite database that is to be brought there"),
        (("shop", "--cast", "orders.amount"), "--cast 'orders.amount' is not TABLE.COLUMN=TYPE."),
        (("shop", "--jobs", "99"), "shop.jobs: must be a whole number from 1 to 16."),
    ],
)
def test_a_call_that_cannot_be_meant_is_told_what_to_say(declared: Path, words: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(ConfigurationError) as told:
        asked(declared, *words)
    assert sentence in str(told.value)


def test_where_no_migration_is_declared_the_role_is_named(tmp_path: Path) -> None:
    (tmp_path / "fleetdata.d").mkdir()
    (tmp_path / "fleetdata.d/retention.json").write_text('{"retention": {}}')
    with pytest.raises(ConfigurationError, match=r"no file there declares migrations\. Let the role postgres_migration write one\."):
        asked(tmp_path, "shop")
