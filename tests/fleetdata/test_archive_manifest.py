"""A manifest that was altered, cut, or written by another version says so."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata import manifest as manifests
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.errors import DamageError
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.model import FAST, Manifest
from hypothesis import given
from hypothesis import strategies as st

ONE = Manifest(
    bucket="reports",
    key="performance/2026/01/31/catscan-performance-2026-01-31.csv.gz",
    version_id="v1",
    report="performance",
    day="2026-01-31",
    revision=1,
    rows=3,
    days={"2026-01-31": 2, "2026-01-30": 1},
    columns=("Day", "Größe"),
    content_bytes=100,
    content_sha256="a" * 64,
    object_bytes=50,
    object_sha256="b" * 64,
    compression=FAST,
    encoder="isal 1.0 level 1",
    source_host="catscan-1",
    source_path="/var/lib/catscan/imports/done/catscan-performance-2026-01-31.csv",
    source_modified="2026-02-01T06:00:00Z",
    archived_at="2026-02-01T08:00:12Z",
)
_TYPES = {"str": st.text(), "int": st.integers(0), "bool": st.booleans(), "Mapping[str, int]": st.dictionaries(st.text(), st.integers(0))}
_TYPES["tuple[str, ...]"] = st.lists(st.text()).map(tuple)
ANY = st.builds(Manifest, **{field.name: _TYPES[str(field.type)] for field in dataclasses.fields(Manifest)})


@given(ANY)
def test_what_is_rendered_is_parsed(manifest: Manifest) -> None:
    assert manifests.parse(manifests.render(manifest), key="k") == manifest


def test_equal_manifests_are_equal_bytes() -> None:
    other = dataclasses.replace(ONE, days=dict(reversed(ONE.days.items())))
    assert manifests.render(other) == manifests.render(ONE)
    assert "Größe" in manifests.render(ONE).decode()


@given(st.data())
def test_every_flipped_bit_is_found_or_harmless(data: st.DataObject) -> None:
    body = bytearray(manifests.render(ONE))
    body[data.draw(st.integers(0, len(body) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        assert manifests.parse(bytes(body), key="k") == ONE
    except DamageError as error:
        assert str(error).startswith("k: the manifest")


@given(st.integers(0, len(manifests.render(ONE)) - 2))
def test_every_cut_is_found(length: int) -> None:
    with pytest.raises(DamageError):
        manifests.parse(manifests.render(ONE)[:length], key="k")


def _signed(said: dict[str, Any]) -> bytes:
    said.pop("manifest_sha256", None)
    return json.dumps(said | {"manifest_sha256": manifests._digest(said)}).encode()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": 2}, "has the format 2, this version of fleetdata reads 1"),
        ({"more": 1}, "field 'more' is unknown"),
        ({"rows": None}, "field 'rows' is of the wrong type"),
        ({"rows": True}, "field 'rows' is of the wrong type"),
        ({"days": {"2026-01-31": -1}}, "field 'days' is of the wrong type"),
        ({"columns": [1]}, "field 'columns' is of the wrong type"),
        ({"verified": "yes"}, "field 'verified' is of the wrong type"),
    ],
)
def test_signed_but_not_a_manifest(change: dict[str, Any], said: str) -> None:
    with pytest.raises(DamageError, match=said):
        manifests.parse(_signed(json.loads(manifests.render(ONE)) | change), key="k")
    shorter = json.loads(manifests.render(ONE))
    del shorter["rows"]
    with pytest.raises(DamageError, match="field 'rows' is missing"):
        manifests.parse(_signed(shorter), key="k")


@pytest.mark.parametrize(("body", "said"), [(b"", "not JSON"), (b"\xff", "not JSON"), (b"[]", "not a JSON object"), (b"{}", "has the format None")])
def test_no_manifest_at_all(body: bytes, said: str) -> None:
    with pytest.raises(DamageError, match=said):
        manifests.parse(body, key="k")
