"""A T1c-like picture of a few planes: the head of the CT phantom with T1's brightness, and tumours in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bregma.phantom.brain import Spaces, no_spaces, paint_brain
from bregma.phantom.looks import paint_look_alikes
from bregma.phantom.maps import Maps, sample_grain
from bregma.phantom.parameters import LookAlikes, Shape
from bregma.phantom.points import Field, Points, cover, ellipsoid, paint
from bregma.phantom.skull import Cavity, find_cavity, paint_head
from bregma.phantom.slab import window_inside
from bregma.phantom.tissues import T1C
from bregma.phantom.tumour_parameters import DrawnTumour, TumourHead
from bregma.phantom.tumour_shapes import depth_in, tail_of, window_of

VESSELS = LookAlikes(pineal=0.0, choroid=0.0, falx=0.0, basal_ganglia=0.0, sinuses=2.0)
"""Arteries of the base and the straight sinus, brighter than on CT."""

DURA, VEIN, PLEXUS, CORE, OEDEMA = 50.0, 66.0, 72.0, 17.0, 24.0
"""Brightness of what is between bone and brain, of veins on the brain, of choroid plexus, of dead tissue, of oedema."""


@dataclass(frozen=True, slots=True, eq=False)
class TumourSlab:
    """What was drawn on a few planes, (P, H, W).

    Attributes:
        signal: brightness without bias and noise.
        cavity: where the voxels lie against the skull.
        spaces: what they are inside it, as if there were no tumour.
        tumours: share of each tumour.
    """

    signal: Field
    cavity: Cavity
    spaces: Spaces
    tumours: list[Field]


def draw_tumour_slab(head: TumourHead, maps: Maps, points: Points) -> TumourSlab:
    """Draw everything on a few planes."""
    cavity = find_cavity(maps, points)
    signal = paint_head(points, cavity, maps, head.shape, T1C)
    spaces = no_spaces(signal.shape)
    window = window_inside(cavity)
    if window is not None:
        part, near = points.part(window), cavity.part(window)
        found = paint_brain(signal[window], part, near, maps, head.shape, T1C)
        paint_look_alikes(signal[window], part, near, VESSELS)
        _paint_enhancement(signal[window], part, near, maps, found)
        spaces.put(window, found)
    shares = [_paint_tumour(signal, points, cavity, spaces, tumour, head.shape) for tumour in head.tumours]
    return TumourSlab(signal, cavity, spaces, shares)


def _paint_enhancement(signal: Field, points: Points, cavity: Cavity, maps: Maps, spaces: Spaces) -> None:
    """What takes up a little gadolinium in every head: dura, veins in the sulci, choroid plexus; in place."""
    dura = np.minimum(cavity.depth + np.float32(0.4), np.float32(0.5) - cavity.depth)
    paint(signal, cover(dura, points.edge_mm) * np.float32(0.7), DURA)
    lines = np.abs(sample_grain(maps, points, 1.3))
    veins = spaces.sulcal * np.clip(1.6 - lines * np.float32(8), 0, 1) * (spaces.above > 1)
    paint(signal, veins * np.float32(0.8), VEIN)
    for side in (-1.0, 1.0):
        place = (side * 25, 40.0, 10.5)
        window = points.window(place, 9.0)
        if window is not None:
            plexus = cover(ellipsoid(points.part(window), place, (3.0, 5.5, 3.5)), points.edge_mm)
            paint(signal[window], plexus * np.float32(0.8), PLEXUS)


def _paint_tumour(
    signal: Field, points: Points, cavity: Cavity, spaces: Spaces, tumour: DrawnTumour, shape: Shape
) -> Field:
    """Paint one tumour and what it does to its surroundings, in place; returns its share of each voxel."""
    share = np.zeros(signal.shape, dtype=np.float32)
    window = window_of(tumour, points)
    if window is None:
        return share
    part, near = points.part(window), cavity.part(window)
    here = Spaces(*(getattr(spaces, name)[window] for name in ("ventricle", "water", "above", "tissue", "sulcal")))
    depth = depth_in(tumour, part, near, here)
    view = signal[window]
    _paint_oedema(view, depth, here, tumour, shape)
    if tumour.kind == "meningioma":
        paint(view, cover(tail_of(tumour, part, near), points.edge_mm), T1C.falx + 20)
    if tumour.kind != "metastasis":  # it pushes the brain away, and fluid stays in the cleft
        cleft = cover(depth + np.float32(1.2), points.edge_mm) * cover(near.depth, points.edge_mm)
        paint(view, cleft * np.float32(0.7), shape.csf_hu)
    share[window] = cover(depth, points.edge_mm)
    paint(view, share[window], _brightness(depth, near, tumour))
    return share


def _paint_oedema(signal: Field, depth: Field, spaces: Spaces, tumour: DrawnTumour, shape: Shape) -> None:
    """Water in the white matter around a tumour, spreading along it like fingers, in place."""
    if tumour.oedema_mm <= 0:
        return
    white = np.clip((signal - shape.grey_hu) / (shape.white_hu - shape.grey_hu), 0, 1) * (spaces.tissue > 2.5)
    ring = np.clip((tumour.oedema_mm + depth) / np.float32(0.4 * tumour.oedema_mm), 0, 1)
    paint(signal, (white * ring * np.float32(0.85)).astype(np.float32), OEDEMA)


def _brightness(depth: Field, cavity: Cavity, tumour: DrawnTumour) -> Field:
    """Of the tumour's tissue: mottled, dark inside a rim."""
    lit = np.float32(tumour.brightness) * (1 + np.float32(0.07) * cavity.grain)
    if tumour.rim_mm <= 0:
        return np.asarray(lit, dtype=np.float32)
    core = np.clip((depth - np.float32(tumour.rim_mm)) / np.float32(1.2), 0, 1)
    return np.asarray(lit + core * (CORE - lit), dtype=np.float32)
