"""A trained model as a folder: `model.onnx` and `package.json`. Nothing in it is ever executed or unpickled.

Packages are looked for in the folders of $BREGMA_MODELS, in the user's data folder, and among those bundled here.
"""

from __future__ import annotations

import hashlib
import logging
import os
from dataclasses import dataclass
from pathlib import Path

from bregma.models.aggregate import Rule
from bregma.models.calibration import Calibration
from bregma.models.card import Card
from bregma.models.engine import check_graph, open_session
from bregma.models.manifest import (
    FORMAT,
    MANIFEST,
    MODEL,
    Manifest,
    Package,
    digest_of,
    package_of,
    read_document,
    read_preprocessing,
)
from bregma.models.operating_points import OperatingPoint
from bregma.models.package_folder import signed, write_files
from bregma.models.records import from_json, object_of, to_json
from bregma.preprocessing.pipeline import Preprocessing
from bregma.scan.errors import PackageError, RequestError, did_you_mean

__all__ = [
    "Damaged",
    "Package",
    "find_all",
    "find_package",
    "installed_packages",
    "load_package",
    "package_folders",
    "write_package",
]

BUNDLED = Path(__file__).parent / "bundled"
VARIABLE = "BREGMA_MODELS"
_log = logging.getLogger(__name__)


def load_package(folder: Path) -> Package:
    """Read a package folder and check its digests.

    Raises:
        PackageError: a file is missing, a key unknown, a digest wrong, or the format another.
    """
    document = read_document(folder)
    settings = document.pop("preprocessing", None)
    digest = document.pop("digest", None)
    parts = {**document, "preprocessing": settings}
    if digest != digest_of(parts):
        raise PackageError(
            f"package.json in {folder.name!r} does not match its digest {str(digest)[:12]!r}; install it again"
        )
    document.pop("format")
    manifest = from_json(Manifest, document, MANIFEST)
    package = package_of(folder, manifest, read_preprocessing(settings), str(digest))
    package.model_bytes()
    return package


def write_package(
    folder: Path,
    *,
    onnx: bytes,
    name: str,
    version: str,
    card: Card,
    preprocessing: Preprocessing,
    findings: tuple[str, ...],
    rule: Rule,
    operating_points: tuple[OperatingPoint, ...],
    calibration: Calibration,
) -> Package:
    """Write a package folder whole or not at all; a package that was there before is replaced.

    Args:
        folder: its parent is made when it is not there.
        onnx: the content of model.onnx, everything in one file.
        name: short name of the model.
        version: such as "1.0".
        card: what a reader must know.
        preprocessing: settings the model was trained with.
        findings: the K columns of its logits.
        rule: slices to scan, with its threshold.
        operating_points: thresholds from validation data.
        calibration: temperature from validation data.

    Raises:
        PackageError: the graph does not fit the settings, or a name is not allowed.
        RequestError: the folder holds something that is no package.
    """
    sha256 = hashlib.sha256(onnx).hexdigest()
    manifest = Manifest(name, version, card, findings, rule, operating_points, calibration, sha256)
    check_graph(
        open_session(onnx, threads=1),
        channels=preprocessing.channels,
        size=preprocessing.size,
        findings=len(findings),
    )
    document = {"format": FORMAT, **object_of(to_json(manifest), MANIFEST), "preprocessing": preprocessing.to_dict()}
    digest = digest_of(document)
    write_files(folder, {MODEL: onnx, MANIFEST: signed(document, digest)})
    return package_of(folder, manifest, preprocessing, digest)


def model_folders() -> list[Path]:
    """The folders in which packages are looked for; of two packages with one name the first found is used."""
    named = [Path(part).expanduser() for part in os.environ.get(VARIABLE, "").split(os.pathsep) if part]
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return [*named, data / "bregma" / "models", BUNDLED]


@dataclass(frozen=True, slots=True)
class Damaged:
    """A folder that should hold a package and does not hold a whole one.

    Attributes:
        folder: where it lies.
        reason: one sentence for a person.
    """

    folder: Path
    reason: str


def find_all() -> tuple[list[Package], list[Damaged]]:
    """Every package that is whole, by name, and every damaged one, in the order in which they are looked for."""
    found: dict[str, Package] = {}
    damaged = []
    for folder in package_folders():
        try:
            package = load_package(folder)
        except PackageError as error:
            damaged.append(Damaged(folder, str(error)))
        else:
            found.setdefault(package.name, package)
    return sorted(found.values(), key=lambda package: package.name), damaged


def installed_packages() -> list[Package]:
    """Every package that is whole, by name; a damaged one is logged and left out."""
    whole, damaged = find_all()
    for one in damaged:
        _log.warning("package in %r is left out: %s", one.folder.name, one.reason)
    return whole


def package_folders() -> list[Path]:
    """Folders that hold a package.json, whether whole or damaged; hidden ones are left over from a stopped write."""
    found = [path.parent for folder in model_folders() for path in sorted(folder.glob(f"*/{MANIFEST}"))]
    return [folder for folder in found if not folder.name.startswith(".")]


def find_package(name_or_path: str | Path) -> Package:
    """A package by the name under which it is installed, or by its folder.

    Raises:
        PackageError: the folder is no whole package.
        RequestError: there is neither such a package nor such a folder.
    """
    path = Path(name_or_path)
    if (path / MANIFEST).is_file():
        return load_package(path)
    installed = {package.name: package for package in installed_packages()}
    if str(name_or_path) in installed:
        return installed[str(name_or_path)]
    if path.is_dir():
        raise PackageError(
            f"folder {path.name!r} has no {MANIFEST}; expected a folder with model.onnx and package.json"
        )
    raise RequestError(
        f"no package called {path.name!r} is installed{did_you_mean(path.name, installed)} "
        f"(looked beside Bregma, in ${VARIABLE} and in the data folder)"
    )
