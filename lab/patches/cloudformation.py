"""CloudFormation."""

from __future__ import annotations

from typing import Any

from moto.cloudformation import parsing
from moto.cloudformation.exceptions import ValidationError
from moto.cloudformation.responses import CloudFormationResponse

from lab.patches.seam import Patch, SetAttribute


def unknown_types(set_attribute: SetAttribute) -> None:
    """A stack with a type that cannot be made must fail; moto answers CREATE_COMPLETE and makes nothing."""
    find = parsing.resource_class_from_type

    def resource_class_from_type(resource_type: str) -> Any:
        found = find(resource_type)
        if found is None and resource_type not in parsing.NULL_MODELS:
            raise ValidationError(resource_type, message=f"The lab has no CloudFormation support for {resource_type}")
        return found

    set_attribute(parsing, "resource_class_from_type", resource_class_from_type)


def equal_template(set_attribute: SetAttribute) -> None:
    """Updating a stack to what it is answers "No updates are to be performed."; moto asks for parameters to say so."""

    def validate(self: Any, incoming: Any, body: str, stack: Any) -> None:
        if body and stack.template == body:
            parameters = self._get_param_values(incoming or [], stack.stack_parameters)
            if (stack.stack_parameters or {}) == (parameters or {}):
                raise ValidationError(stack.name, message="No updates are to be performed.")

    set_attribute(CloudFormationResponse, "_validate_different_update", validate)


PATCHES: tuple[Patch, ...] = (unknown_types, equal_template)
