# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What keeping objects costs a month: a dated table of S3's list prices, and the sum over it.

Storage alone: no requests, retrieval, transfer, taxes, free tier or discounts, and only what LIST shows (no noncurrent versions).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

AS_OF = "2026-11-22"
CURRENCY = "USD"
GIB = 1 << 30
"""What S3 bills as one GB."""
KIB_128 = 128 << 10

Steps = tuple[tuple[float, float], ...]
"""(price of a GiB a month, up to so many GiB in total), ascending."""

_TIB = 1024.0
PRICES: Mapping[str, Mapping[str, Steps]] = {
    "eu-central-1": {
        "STANDARD": ((0.0245, 50 * _TIB), (0.0235, 500 * _TIB), (0.0225, float("inf"))),
        "STANDARD_IA": ((0.0135, float("inf")),),
    },
    "us-east-1": {
        "STANDARD": ((0.023, 50 * _TIB), (0.022, 500 * _TIB), (0.021, float("inf"))),
        "STANDARD_IA": ((0.0125, float("inf")),),
    },
}
"""By region and storage class."""
_LEAST_BILLED = {"STANDARD_IA": KIB_128}
"""An object of this class is billed as if it had at least so many bytes."""


@dataclass(frozen=True)
class Storage:
    """Objects of one storage class: how many, their bytes, and the bytes that S3 bills."""

    objects: int = 0
    bytes: int = 0
    billed_bytes: int = 0

    def __add__(self, other: Storage) -> Storage:
        return Storage(self.objects + other.objects, self.bytes + other.bytes, self.billed_bytes + other.billed_bytes)


def one_object(*, storage_class: str, size: int) -> Storage:
    """A single object. size: bytes."""
    return Storage(objects=1, bytes=size, billed_bytes=max(size, _LEAST_BILLED.get(storage_class, 0)))


def cost_per_month(*, region: str, storage: Mapping[str, Storage]) -> float | None:
    """US dollars a month for what is stored by storage class; None when a price is not in the table: never a part of the cost for the whole."""
    known = PRICES.get(region, {})
    if any(held.objects and name not in known for name, held in storage.items()) or not known:
        return None
    return sum(_cost(known[name], held.billed_bytes / GIB) for name, held in storage.items() if held.objects)


def basis(*, region: str, storage: Mapping[str, Storage]) -> str:
    """What the cost is of, in a sentence; or which price is not known."""
    known = PRICES.get(region)
    if known is None:
        return f"No price is known for region {region} (the table of {AS_OF} has {', '.join(sorted(PRICES))})."
    unknown = sorted(name for name, held in storage.items() if held.objects and name not in known)
    if unknown:
        return f"No price is known for storage class {', '.join(unknown)} in {region} (table of {AS_OF})."
    return f"Cost: {CURRENCY} a month at the list prices of {AS_OF} for {region}; storage alone, without requests, retrieval and tax."


def _cost(steps: Steps, size: float) -> float:
    cost, below = 0.0, 0.0
    for price, end in steps:
        cost += price * max(0.0, min(size, end) - below)
        below = end
    return cost
