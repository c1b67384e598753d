"""Certificate Manager."""

from __future__ import annotations

from typing import Any

from moto.acm.models import AWS_ROOT_CA, AWSCertificateManagerBackend

from lab.patches.seam import Patch, SetAttribute


def imported_chain(set_attribute: SetAttribute) -> None:
    """An imported certificate has the chain it came with; moto gives one without a chain Amazon's root.

    The module acm_certificate takes a self-signed certificate for its own chain; what AWS answers was not seen.
    """
    get = AWSCertificateManagerBackend.get_certificate

    def get_certificate(self: Any, arn: str) -> Any:
        bundle = get(self, arn)
        if bundle.type == "IMPORTED" and bundle.chain.strip() == AWS_ROOT_CA.strip():
            bundle.chain = bundle.cert
        return bundle

    set_attribute(AWSCertificateManagerBackend, "get_certificate", get_certificate)


PATCHES: tuple[Patch, ...] = (imported_chain,)
