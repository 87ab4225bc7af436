"""The data sets that can be imported, by name."""

from __future__ import annotations

from bregma.catalogue.importers.part import Importer

IMPORTERS: dict[str, Importer] = {}
"""Name -> what looks at its folder; docs/how-to/data-sets.md describes each."""
