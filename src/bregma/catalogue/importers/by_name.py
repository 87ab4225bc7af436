"""The data sets that can be imported, by name."""

from __future__ import annotations

from bregma.catalogue.importers import (
    bhsd,
    brats,
    cq500,
    ct_ich,
    figshare_t1c,
    instance2022,
    lgg,
    phe_sich,
    rsna2019,
    table,
    tumours,
)
from bregma.catalogue.importers.part import Importer

IMPORTERS: dict[str, Importer] = {
    bhsd.NAME: bhsd.parts,
    brats.NAME: brats.parts,
    cq500.NAME: cq500.parts,
    ct_ich.NAME: ct_ich.parts,
    figshare_t1c.NAME: figshare_t1c.parts,
    figshare_t1c.STACKS: figshare_t1c.stacks,
    instance2022.NAME: instance2022.parts,
    lgg.NAME: lgg.parts,
    phe_sich.NAME: phe_sich.parts,
    rsna2019.NAME: rsna2019.parts,
    table.NAME: table.parts,
    tumours.NAME: tumours.parts,
}
"""Name -> what looks at its folder; docs/how-to/data-sets.md describes each."""
