"""Systems Manager."""

from __future__ import annotations

from typing import Any

from moto.core.utils import utcnow
from moto.ssm.models import Parameter, ParameterDict

from lab.images import MACHINE_IMAGES
from lab.patches.seam import Patch, SetAttribute

AMAZON = "/aws/service/ami-amazon-linux-latest"
LOADED = "_lab_parameters_loaded"


def public_image_parameters(set_attribute: SetAttribute) -> None:
    """Public parameters name the newest AMIs; moto's name AMIs that the lab does not have, and none of Debian's."""
    check = ParameterDict._check_loading_status

    def check_loading_status(self: Any, key: str) -> None:
        check(self, key)
        if str(key or "").startswith("/aws/service/") and not getattr(self, LOADED, False):
            setattr(self, LOADED, True)
            check(self, AMAZON)  # or moto would put its own over ours when somebody asks for one of Amazon's
            for image in MACHINE_IMAGES:
                for name in image.parameters:
                    self[name] = [_parameter(self, name, image.ami_id)]

    set_attribute(ParameterDict, "_check_loading_status", check_loading_status)


def _parameter(owner: Any, name: str, ami_id: str) -> Any:
    return Parameter(
        account_id=owner.account_id,
        name=name,
        value=ami_id,
        parameter_type="String",
        description=None,
        allowed_pattern=None,
        keyid=None,
        last_modified_date=utcnow().timestamp(),
        version=1,
        data_type="aws:ec2:image",
    )


PATCHES: tuple[Patch, ...] = (public_image_parameters,)
