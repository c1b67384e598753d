"""AWS Backup."""

from __future__ import annotations

import json
import uuid
from typing import Any

from moto.backup.models import BackupBackend
from moto.backup.responses import BackupResponse
from moto.core.exceptions import JsonRESTError

from lab.patches.seam import Patch, SetAttribute

CREATED = 1700000000


def unknown_vault(set_attribute: SetAttribute) -> None:
    """The module backup_vault expects AccessDeniedException for a missing vault; moto says ResourceNotFound."""
    describe = BackupBackend.describe_backup_vault

    def describe_backup_vault(self: Any, name: str) -> Any:
        if name not in self.vaults:
            raise JsonRESTError("AccessDeniedException", "Insufficient privileges to perform this action.")
        return describe(self, name)

    set_attribute(BackupBackend, "describe_backup_vault", describe_backup_vault)


def selections(set_attribute: SetAttribute) -> None:
    """A plan's selections can be made, listed, read and removed; moto does not have the calls."""
    held: dict[str, dict[str, dict[str, Any]]] = {}

    def plan_of(self: Any) -> str:
        return str(self.path.split("/plans/")[1].split("/")[0])

    def id_of(self: Any) -> str:
        return str(self.path.rstrip("/").rpartition("/")[2])

    def create_backup_selection(self: Any) -> str:
        selection_id = str(uuid.uuid4())
        held.setdefault(plan_of(self), {})[selection_id] = json.loads(self.body)["BackupSelection"]
        return json.dumps({"SelectionId": selection_id, "BackupPlanId": plan_of(self), "CreationDate": CREATED})

    def list_backup_selections(self: Any) -> str:
        plan = plan_of(self)
        rows = [
            {
                "SelectionId": selection_id,
                "SelectionName": selection["SelectionName"],
                "BackupPlanId": plan,
                "IamRoleArn": selection["IamRoleArn"],
            }
            for selection_id, selection in held.get(plan, {}).items()
        ]
        return json.dumps({"BackupSelectionsList": rows})

    def get_backup_selection(self: Any) -> str:
        selection = held[plan_of(self)][id_of(self)]
        answer = {"SelectionId": id_of(self), "BackupPlanId": plan_of(self), "CreationDate": CREATED}
        return json.dumps({**answer, "BackupSelection": selection})

    def delete_backup_selection(self: Any) -> str:
        held[plan_of(self)].pop(id_of(self))
        return "{}"

    for call in (create_backup_selection, list_backup_selections, get_backup_selection, delete_backup_selection):
        set_attribute(BackupResponse, call.__name__, call)


PATCHES: tuple[Patch, ...] = (unknown_vault, selections)
