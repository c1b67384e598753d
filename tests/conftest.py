"""Makes ``ansible_collections.steady.fleet`` importable from this checkout, for every test."""

from __future__ import annotations

from pathlib import Path

from ansible.utils.collection_loader._collection_finder import _AnsibleCollectionFinder

_AnsibleCollectionFinder(paths=[str(Path(__file__).parents[1] / "collections")])._install()
