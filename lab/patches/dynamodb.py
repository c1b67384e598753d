"""DynamoDB."""

from __future__ import annotations

import uuid
from typing import Any

from moto.dynamodb.models.table import Table

from lab.patches.seam import Patch, SetAttribute


def table_id(set_attribute: SetAttribute) -> None:
    """A table's description carries its TableId; moto leaves it out."""
    describe_table = Table.describe

    def describe(self: Any, base_key: str = "TableDescription") -> Any:
        described = describe_table(self, base_key)
        described[base_key].setdefault("TableId", str(uuid.uuid5(uuid.NAMESPACE_URL, self.table_arn)))
        return described

    set_attribute(Table, "describe", describe)


PATCHES: tuple[Patch, ...] = (table_id,)
