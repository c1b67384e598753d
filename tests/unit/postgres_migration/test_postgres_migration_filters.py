"""What the role's filters make of declared migrations, and what they refuse (MRPT-12, W-4)."""

from __future__ import annotations

import re
from typing import Any

import checkout
import pytest
import yaml
from ansible_collections.steady.fleet.plugins.filter import postgres_migration as filters

TARGET = {"host": "db.example.org", "database": "shop", "user": "shop_owner"}
SHOP: dict[str, Any] = {"shop": {"database": "/var/lib/shop/shop.db", "target": TARGET}}
ACCESS = {"shop": {"secret": "shop/postgres", "owner_key": "owner"}}
UNITS = {"shop": {"units": ["shop.service"]}}


def declared(databases: dict[str, Any], access: dict[str, Any], authority: str = "") -> dict[str, Any]:
    return filters.postgres_migration_declared(databases, access, "/etc/x", authority)


def test_w4_the_password_is_a_file_of_roots_and_nowhere_else() -> None:
    found = declared(SHOP, ACCESS, "/etc/x/ca.pem")
    assert found["shop"]["target"] == {**TARGET, "password_file": "/etc/x/shop.password", "ssl_root_cert": "/etc/x/ca.pem"}
    (file,) = filters.postgres_migration_passwords(found, ACCESS)
    assert (file["path"], file["mode"], file["secret"]) == ("/etc/x/shop.password", "0600", True)
    assert file["vars"] == {"owner_secret": {"secret": "shop/postgres", "keys": {"PASSWORD": "owner"}, "region": ""}}
    assert filters.postgres_migration_problems(found, ACCESS, UNITS) == []


def test_without_access_nothing_is_added() -> None:
    assert declared(SHOP, {}) == SHOP
    said = {"shop": {**SHOP["shop"], "target": {**TARGET, "password_file": "/etc/shop/password"}}}
    assert declared(said, ACCESS) == said, "what is said counts"


@pytest.mark.parametrize(
    ("databases", "access", "applications", "sentence"),
    [
        ({"shop": {"database": "shop.db", "target": TARGET}}, ACCESS, UNITS, "shop.database: 'shop.db' is not an absolute path"),
        ({"shop": {"database": "/x.db"}}, {}, {}, "target"),
        ({"shop": "x"}, ACCESS, {}, "shop"),
        (SHOP, {"other": ACCESS["shop"]}, {}, "postgres_migration_access.other: no migration has this name; postgres_migration_databases declares shop."),
        (SHOP, {"shop": {"secret": "x"}}, {}, "postgres_migration_access.shop.owner_key: is missing."),
        (SHOP, {"shop": {**ACCESS["shop"], "owner": "x"}}, {}, "postgres_migration_access.shop.owner: is not a setting"),
        (SHOP, {"shop": []}, {}, "postgres_migration_access.shop: must be a mapping"),
        (SHOP, ACCESS, {"shop": {"environment": {}}}, "postgres_migration_applications.shop.units: is missing."),
    ],
)
def test_mrpt12_each_mistake_is_named(databases: dict[str, Any], access: dict[str, Any], applications: dict[str, Any], sentence: str) -> None:
    found = declared(databases, access)
    assert sentence in " ".join(filters.postgres_migration_problems(found, access, applications))
    assert filters.postgres_migration_passwords(found, access) == [] or access == ACCESS


@pytest.mark.parametrize("path", ["docs/migration.md", "roles/postgres_migration/README.md"])
def test_what_the_documents_show_is_right(path: str) -> None:
    blocks = re.findall("```yaml\n(.*?)```", (checkout.ROOT / path).read_text(), flags=re.DOTALL)
    (shown,) = (yaml.safe_load(block) for block in blocks if "postgres_migration_databases:" in block)
    databases, access, applications = (shown[f"postgres_migration_{name}"] for name in ("databases", "access", "applications"))
    assert filters.postgres_migration_problems(declared(databases, access), access, applications) == []
    assert shown["fleetdata_migration"] is True
