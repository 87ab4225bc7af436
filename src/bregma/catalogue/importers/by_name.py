"""The data sets that can be imported, by name."""

from __future__ import annotations

from bregma.catalogue.importers import cq500, rsna2019, table
from bregma.catalogue.importers.part import Importer

IMPORTERS: dict[str, Importer] = {
    cq500.NAME: cq500.parts,
    rsna2019.NAME: rsna2019.parts,
    table.NAME: table.parts,
}
"""Name -> what looks at its folder; docs/how-to/data-sets.md describes each."""
