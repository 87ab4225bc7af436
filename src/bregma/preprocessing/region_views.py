"""What a network sees of one region on one slice: a local crop with context and the whole slice, both without texture.

Varadarajan et al. 2017, section 3.2: isotropic pixels, one field of view, brain window, [0, 1], and the pixels of the
region replaced by one uniform grey, so that the answer says where a lesion lies and not what it looks like. Training
and reading run these same lines. Letters: D slices, H rows, W columns as stored; S prepared, L local, G global size.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bregma.preprocessing.crop import Plane, Square, crop, square_around
from bregma.preprocessing.orient import turn
from bregma.preprocessing.pipeline import AIR_HU
from bregma.preprocessing.placement import Placement
from bregma.preprocessing.resample import shrink
from bregma.preprocessing.settings import Preprocessing, known_keys, number
from bregma.preprocessing.window import show
from bregma.scan.errors import RecipeError, RequestError

WHOLE = ("local_size", "global_size")


@dataclass(frozen=True, slots=True)
class RegionSettings:
    """Settings of the way from a region on a slice to a network's two inputs.

    Attributes:
        slices: window (one), pixel size and field of view of the prepared slice.
        grey: what stands where the region is, from 0 to 1; in the brain window healthy tissue is seldom 0.75.
        context: share of the region's longer side that the local crop shows on each side of it.
        least_mm: shortest side of the local crop.
        local_size: L.
        global_size: G.
    """

    slices: Preprocessing = field(default_factory=Preprocessing)
    grey: float = 0.75
    context: float = 1.0
    least_mm: float = 64.0
    local_size: int = 224
    global_size: int = 224

    def __post_init__(self) -> None:
        if self.slices.channels != 1:
            raise RecipeError(f"[preprocessing] has {self.slices.channels} channels; regions are shown in one window")
        if not 0 <= self.grey <= 1 or not 0 <= self.context <= 8 or not self.least_mm > 0:
            raise RecipeError(
                f"[regions] grey is {self.grey}, context {self.context} and least_mm {self.least_mm}; expected a grey "
                "from 0 to 1, a context from 0 to 8 and a length above 0 mm"
            )
        if min(self.local_size, self.global_size) < 16:
            raise RecipeError(
                f"[regions] local_size is {self.local_size} and global_size {self.global_size}; expected 16 or more"
            )

    @property
    def digest(self) -> str:
        """16 hexadecimal digits that change whenever the two views would."""
        words = json.dumps({"slices": self.slices.digest, **self.to_dict()}, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(words.encode()).hexdigest()[:16]

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; `from_dict` undoes it."""
        plain = {one.name: getattr(self, one.name) for one in dataclasses.fields(self)}
        return plain | {"slices": self.slices.to_dict()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> RegionSettings:
        """Settings from plain data.

        Raises:
            RecipeError: an unknown key or a value that makes no sense.
        """
        known_keys(data, {one.name for one in dataclasses.fields(cls)}, where="[regions]")
        values = {key: number(one, where=f"[regions] {key}", whole=key in WHOLE) for key, one in _numbers(data)}
        slices = Preprocessing.from_dict(data["slices"]) if "slices" in data else Preprocessing()
        return cls(slices=slices, **values)  # type: ignore[arg-type]  # whole numbers where fields are whole


def _numbers(data: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [(key, value) for key, value in data.items() if key != "slices"]


@dataclass(frozen=True, slots=True, eq=False)
class RegionViews:
    """One region as a network sees it.

    Attributes:
        local: (L, L) float32 in [0, 1].
        whole: (G, G) float32 in [0, 1], the prepared slice.
        square: where the local crop lies in the prepared slice of S pixels.
    """

    local: Plane
    whole: Plane
    square: Square


def view_region(
    hu: NDArray[Any], region: NDArray[np.bool_], placement: Placement, settings: RegionSettings
) -> RegionViews:
    """Both views of one region on one slice.

    The grey is laid over the stored pixels, before anything is resampled: no value of the region can reach a neighbour.

    Args:
        hu: (H, W) Hounsfield units of the slice as stored; left as it is.
        region: (H, W), at least one pixel set.
        placement: of the scan (`pipeline.place` with `settings.slices`).
        settings: what the network was trained with.

    Raises:
        RequestError: no pixel of the region lies in the field of view.
    """
    prepared = _shrunk(hu, region, placement, settings)
    seen = np.zeros((1, placement.size, placement.size), np.float32)
    shrink(turn(region[None].astype(np.float32), placement.orientation), placement.rows, placement.columns, seen)
    if not seen.any():
        raise RequestError(
            f"a region of {int(region.sum())} pixels lies outside the {settings.slices.field_of_view_mm:g} mm that are "
            "shown around the head; draw it on the head"
        )
    least = max(1, round(settings.least_mm / settings.slices.pixel_mm))
    square = square_around(seen[0] > 0, context=settings.context, least=least)
    everything = Square(0, 0, placement.size)
    return RegionViews(
        crop(prepared, square, settings.local_size), crop(prepared, everything, settings.global_size), square
    )


def _shrunk(hu: NDArray[Any], region: NDArray[np.bool_], placement: Placement, settings: RegionSettings) -> Plane:
    """(S, S) the prepared slice in [0, 1] with the region in grey."""
    window = settings.slices.windows[0]
    painted = hu.astype(np.float32)
    painted[region] = np.float32(window.low + settings.grey * window.width)
    prepared = np.full((1, placement.size, placement.size), AIR_HU, np.float32)
    shrink(turn(painted[None], placement.orientation), placement.rows, placement.columns, prepared)
    out = np.empty((1, 1, placement.size, placement.size), np.float32)
    shown: Plane = show(prepared, settings.slices.windows, out)[0, 0]
    return shown
