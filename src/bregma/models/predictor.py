"""The only way to run a model package: in the command, in evaluation, in a notebook.

Arrays: images (D, C, S, S) float32 as `preprocessing.prepare` gives them; probabilities (D, K); map (D, S, S);
places (D, 2) as `models.places.places_of` gives them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bregma.models.calibration import sigmoid
from bregma.models.engine import IMAGES, LOGITS, MAP, PLACES, check_graph, memory_per_slice, open_session, wants_places
from bregma.models.package import Package
from bregma.scan.counted import counted
from bregma.scan.errors import PackageError

Images = NDArray[np.float32]

CHUNK_PIXELS = 256 * 256
"""Pixels per run of a network that sees one slice at a time: bounds memory, and small runs are no slower on a CPU."""

WHOLE_PIXELS = 128 * 256 * 256
"""Pixels up to which a sequence network gets its scan whole: 128 slices of 256 x 256, or 512 of 128 x 128.

Without limit when the graph itself works through the slices one by one (`engine.memory_per_slice`).
"""

CONTEXT_SLICES = 32
"""Beyond that it reads windows, each with this many slices of its neighbours before and after."""


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """What a network says about every slice of a scan.

    Attributes:
        probabilities: (D, K) calibrated.
        logits: (D, K) as the network gave them.
        map: (D, S, S) probability per prepared pixel; None when the network draws none.
    """

    probabilities: NDArray[np.float32]
    logits: NDArray[np.float32]
    map: NDArray[np.float32] | None


class Predictor:
    """A package with its engine.

    Args:
        package: from `load_package`.
        threads: arithmetic threads; None for one per core.

    Raises:
        PackageError: the model file was changed, does not fit the package's settings, or cannot be run here.
    """

    def __init__(self, package: Package, *, threads: int | None = None) -> None:
        self.package = package
        self._session = open_session(package.model_bytes(), threads=threads)
        self._always_whole = memory_per_slice(self._session)
        self._wants_places = wants_places(self._session)
        settings = package.preprocessing
        self._channels, self._size = settings.channels, settings.size
        self.has_map = check_graph(
            self._session, channels=self._channels, size=self._size, findings=len(package.findings)
        )

    def predict(self, images: Images, places: Images | None = None) -> Prediction:
        """Read one scan.

        Args:
            images: (D, C, S, S) float32 in [0, 1], all slices of a scan, foot to head.
            places: (D, 2) where the slices lie, for a package that wants to know; None where nobody knows.

        Raises:
            PackageError: the engine failed, or answered with something that is no number.
        """
        expected = (self._channels, self._size, self._size)
        if images.ndim != 4 or len(images) == 0 or images.shape[1:] != expected:
            raise ValueError(
                f"images have shape {images.shape}; package {self.package.name} expects (slices, *{expected})"
            )
        places = np.zeros((len(images), 2), np.float32) if places is None else places
        if places.shape != (len(images), 2):
            raise ValueError(f"places have shape {places.shape}; expected ({len(images)}, 2), a row for each slice")
        answers = [self._run(images, places, window) for window in self._windows(len(images))]
        logits = np.concatenate([logits for logits, _ in answers])
        if not np.isfinite(logits).all():
            raise PackageError(
                f"package {self.package.name} gave {int((~np.isfinite(logits)).sum())} answers that are no number; "
                "verify it with `bregma models verify`"
            )
        maps = [sigmoid(part) for _, part in answers if part is not None]
        probabilities = self.package.calibration.probabilities(logits)
        return Prediction(probabilities, logits, np.concatenate(maps) if maps else None)

    def _windows(self, slices: int) -> list[tuple[int, int, int]]:
        """(first, past last, context) of each run."""
        area = self._size * self._size
        if not self.package.card.sequence:
            step = max(1, CHUNK_PIXELS // area)
            return [(start, min(start + step, slices), 0) for start in range(0, slices, step)]
        whole = max(1, WHOLE_PIXELS // area)
        if slices <= whole or self._always_whole:
            return [(0, slices, 0)]
        context = min(CONTEXT_SLICES, whole // 4)
        step = whole - 2 * context
        return [(start, min(start + step, slices), context) for start in range(0, slices, step)]

    def _run(self, images: Images, places: Images, window: tuple[int, int, int]) -> tuple[Images, Images | None]:
        """(logits, map logits) of slices start..stop, read with `context` slices on either side."""
        from onnxruntime.capi import onnxruntime_pybind11_state as state

        start, stop, context = window
        first = max(0, start - context)
        seen = np.ascontiguousarray(images[first : stop + context], dtype=np.float32)
        given = {IMAGES: seen}
        if self._wants_places:
            given[PLACES] = np.ascontiguousarray(places[first : stop + context], dtype=np.float32)
        kept = slice(start - first, stop - first)
        try:
            answer = self._session.run([LOGITS, MAP] if self.has_map else [LOGITS], given)
        except (state.Fail, state.RuntimeException, state.InvalidArgument, state.NotImplemented) as error:
            raise PackageError(
                f"package {self.package.name} could not read {counted(len(seen), 'slice')} ({error}); "
                "if memory ran out, read with fewer threads or close other programs"
            ) from error
        return answer[0][kept], answer[1][kept, 0] if self.has_map else None
