"""The lab's certificate authority: what RDS's bundle of certificates is in AWS."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

YEAR = timedelta(days=365)


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """A server's certificate and its key, both PEM."""

    public: bytes
    private: bytes


def ensure(bundle: Path, private: Path) -> None:
    """Make the authority unless it is there: its certificate for everybody, its key for the lab."""
    if bundle.exists():
        return
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "steady-lab RDS root")])
    use = x509.KeyUsage(
        digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    unsigned = _builder(name, name, key).add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True).add_extension(use, critical=True)
    descriptor = os.open(private, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(_pem(key))
    bundle.write_bytes(unsigned.sign(key, SHA256()).public_bytes(Encoding.PEM))


def issue(host: str, *, bundle: Path, private: Path) -> Certificate:
    """A certificate for the name ``host``, and no other."""
    authority = x509.load_pem_x509_certificate(bundle.read_bytes())
    signer = cast("ec.EllipticCurvePrivateKey", load_pem_private_key(private.read_bytes(), None))
    key = ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName([x509.DNSName(host)])
    # The name is in the extension alone: a subject's common name ends at 64 characters.
    unsigned = _builder(x509.Name([]), authority.subject, key).add_extension(names, critical=True)
    return Certificate(public=unsigned.sign(signer, SHA256()).public_bytes(Encoding.PEM), private=_pem(key))


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    start = datetime.now(UTC) - timedelta(hours=1)
    builder = x509.CertificateBuilder(subject_name=subject, issuer_name=issuer, public_key=key.public_key(), serial_number=x509.random_serial_number())
    return builder.not_valid_before(start).not_valid_after(start + YEAR)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
