"""Everything on a few planes: head, brain, look-alikes and bleeds, and how far each bleed fills its space."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bregma.phantom.bleeds import fill, find_level, order
from bregma.phantom.brain import Spaces, no_spaces, paint_brain
from bregma.phantom.bruises import find_bruises, injure, paint_bruises
from bregma.phantom.infarcts import paint_infarcts
from bregma.phantom.looks import paint_edema, paint_look_alikes, push
from bregma.phantom.maps import Maps
from bregma.phantom.operations import operate, paint_leftovers
from bregma.phantom.parameters import Bleed, HeadParameters
from bregma.phantom.placing import Placing
from bregma.phantom.points import Field, Points, Window, make_points, paint
from bregma.phantom.skull import Cavity, find_cavity, paint_head
from bregma.phantom.specks import paint_specks
from bregma.phantom.tissues import ct_of

LEVEL_STEP_MM = np.array([3.0, 2.5, 2.5])
"""Planes, rows and columns of the grid on which bleeds are measured."""

BRAIN_LOW, BRAIN_HIGH = np.array([-66.0, -75.0, -74.0]), np.array([82.0, 108.0, 74.0])
"""Head frame z, y, x (mm) between which the inside of the skull lies."""


@dataclass(frozen=True, slots=True, eq=False)
class Slab:
    """What was drawn on a few planes, (P, H, W).

    Attributes:
        hu: without noise.
        cavity: where the voxels lie against the skull.
        spaces: what they are inside it.
        blood: share of each bleed.
    """

    hu: Field
    cavity: Cavity
    spaces: Spaces
    blood: list[Field]


def draw_slab(parameters: HeadParameters, maps: Maps, points: Points, levels: list[float]) -> Slab:
    """Draw everything on a few planes, bleeds up to their levels."""
    bruises = find_bruises(parameters)
    cavity = injure(points, find_cavity(maps, points), bruises)
    cavity = operate(points, cavity, parameters.operation)
    hu = paint_head(points, cavity, maps, parameters.shape)
    paint_bruises(hu, points, cavity, bruises)
    blood = [np.zeros(hu.shape, dtype=np.float32) for _ in parameters.bleeds]
    spaces = no_spaces(hu.shape)
    window = window_inside(cavity)
    if window is not None:
        part, near = points.part(window), cavity.part(window)
        found = _paint_inside(hu[window], part, near, maps, parameters)
        spaces.put(window, found)
        for share, bleed, level in zip(blood, parameters.bleeds, levels, strict=True):
            share[window] = _paint_bleed(hu[window], part, near, found, bleed, level)
    paint_leftovers(hu, points, cavity, parameters.operation)
    return Slab(hu, cavity, spaces, blood)


def find_levels(parameters: HeadParameters, maps: Maps, placing: Placing) -> list[float]:
    """Up to which level each bleed fills, measured on a coarse grid over the whole inside of the skull."""
    if not parameters.bleeds:
        return []
    scale = placing.scale[[2, 1, 0]]
    planes, rows, columns = (int(n) for n in np.ceil((BRAIN_HIGH - BRAIN_LOW) * scale / LEVEL_STEP_MM))
    steps = np.diag(LEVEL_STEP_MM / scale)[:, [2, 1, 0]]
    points = make_points(BRAIN_LOW[[2, 1, 0]], steps, (planes, rows, columns))
    cavity = find_cavity(maps, points)
    spaces = _paint_inside(np.zeros(points.x.shape, dtype=np.float32), points, cavity, maps, parameters)
    voxel_ml = float(np.prod(LEVEL_STEP_MM)) / 1000
    return [find_level(*order(points, cavity, spaces, bleed), voxel_ml, bleed.volume_ml) for bleed in parameters.bleeds]


def _paint_inside(hu: Field, points: Points, cavity: Cavity, maps: Maps, parameters: HeadParameters) -> Spaces:
    """Brain and look-alikes where the bleeds have pushed them, in place."""
    pushed = push(points, parameters.bleeds)
    looks, shape = parameters.look_alikes, parameters.shape
    spaces = paint_brain(hu, pushed, cavity, maps, shape, ct_of(looks.sinuses))
    paint_infarcts(hu, pushed, spaces, looks, shape)
    paint_look_alikes(hu, pushed, cavity, looks)
    paint_specks(hu, pushed, cavity, looks, shape)
    return spaces


def _paint_bleed(hu: Field, points: Points, cavity: Cavity, spaces: Spaces, bleed: Bleed, level: float) -> Field:
    """Paint one bleed and its ring of swelling, in place; returns its share of each voxel."""
    order_mm, share = order(points, cavity, spaces, bleed)
    part = fill(order_mm, share, level, points.edge_mm)
    paint_edema(hu, order_mm, level, spaces, bleed)
    paint(hu, part, _density(points, cavity, bleed))
    return part


def _density(points: Points, cavity: Cavity, bleed: Bleed) -> Field:
    """HU of the blood: denser towards the back when it has settled."""
    sink = np.clip((points.y - np.float32(bleed.centre[1])) / 25, -1, 1)
    density = bleed.hu * (1 + 0.3 * bleed.layered * sink) + 2.5 * cavity.grain
    return np.asarray(density, dtype=np.float32)


def window_inside(cavity: Cavity) -> Window | None:
    """The rows and columns that reach inside the skull on any plane."""
    inside = np.asarray((cavity.depth > -2.5).any(axis=0))
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if len(rows) == 0:
        return None
    return slice(None), slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
