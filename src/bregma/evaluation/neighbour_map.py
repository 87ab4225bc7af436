"""An embedding as a map: t-SNE in two dimensions, coloured by what is known (van der Maaten and Hinton 2008).

Near points were near in the embedding; distances between far groups, and sizes of groups, mean nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from bregma.evaluation.comparison_pictures import COLOURS
from bregma.evaluation.metrics import Floats
from bregma.evaluation.neighbours import UNKNOWN, Codes
from bregma.evaluation.pictures import QUIET, png_of
from bregma.scan.errors import MissingExtraError

PERPLEXITY = 30.0
INCHES = 4.0


def map_places(vectors: Floats, *, seed: int = 0) -> Floats:
    """(N, 2) places of (N, E) vectors on the map; the same seed gives the same map.

    Raises:
        MissingExtraError: scikit-learn is not installed.
    """
    try:
        from sklearn.manifold import TSNE
    except ImportError as error:
        raise MissingExtraError("maps", "a t-SNE map") from error
    perplexity = min(PERPLEXITY, max(1.0, (len(vectors) - 1) / 3))
    drawn = TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(np.asarray(vectors, np.float32))
    return np.asarray(drawn, dtype=np.float64)


def map_picture(
    places: Floats,
    labels: Mapping[str, tuple[Codes, Sequence[str]]],
    *,
    log_volume: Floats | None = None,
) -> bytes:
    """One map per criterion side by side, and one by size, as PNG.

    Args:
        places: (N, 2) from `map_places`.
        labels: criterion -> its (N,) codes and the terms they stand for; unknown ones are grey.
        log_volume: (N,) with NaN for unknown; None for no map by size.
    """
    from matplotlib.figure import Figure

    count = len(labels) + (log_volume is not None)
    figure = Figure(figsize=(INCHES * count, INCHES * 1.1), dpi=110, layout="constrained")
    panels = figure.subplots(1, count, squeeze=False)[0]
    for axes, (criterion, (codes, terms)) in zip(panels, labels.items(), strict=False):
        _points(axes, places[codes == UNKNOWN], color=QUIET, label="unknown")
        for code, term in enumerate(terms):
            _points(axes, places[codes == code], color=COLOURS[code % len(COLOURS)], label=term)
        axes.set_title(criterion, fontsize=10)
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, -0.2), ncols=3, frameon=False, fontsize=7)
    if log_volume is not None:
        known = np.isfinite(log_volume)
        _points(panels[-1], places[~known], color=QUIET, label="unknown")
        drawn = panels[-1].scatter(*places[known].T, c=log_volume[known], s=9, cmap="viridis", linewidths=0)
        figure.colorbar(drawn, ax=panels[-1], location="bottom", shrink=0.7, label="ln mL")
        panels[-1].set_title("size", fontsize=10)
    for axes in panels:
        axes.set_xticks([])
        axes.set_yticks([])
    return png_of(figure)


def _points(axes: object, places: Floats, *, color: str, label: str) -> None:
    if len(places):
        axes.scatter(*places.T, s=9, color=color, label=label, linewidths=0)  # type: ignore[attr-defined]
