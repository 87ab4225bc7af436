"""The data sets that can be imported, by name."""

from __future__ import annotations

from bregma.catalogue.importers import bhsd, cq500, ct_ich, instance2022, phe_sich, rsna2019, table
from bregma.catalogue.importers.part import Importer

IMPORTERS: dict[str, Importer] = {
    bhsd.NAME: bhsd.parts,
    cq500.NAME: cq500.parts,
    ct_ich.NAME: ct_ich.parts,
    instance2022.NAME: instance2022.parts,
    phe_sich.NAME: phe_sich.parts,
    rsna2019.NAME: rsna2019.parts,
    table.NAME: table.parts,
}
"""Name -> what looks at its folder; docs/how-to/data-sets.md describes each."""
