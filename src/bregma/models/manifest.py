"""What stands in a package: the record, and package.json with its digest.

package.json holds the card, preprocessing settings, findings, rule, operating points and calibration, the SHA-256 of
model.onnx, and a digest over all of that. Whoever changes a byte of either file changes the digest.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

from bregma.models.aggregate import Rule
from bregma.models.calibration import Calibration
from bregma.models.card import Card
from bregma.models.operating_points import OperatingPoint
from bregma.models.records import Json, object_of
from bregma.preprocessing.pipeline import Preprocessing
from bregma.scan.errors import PackageError, RequestError
from bregma.scan.terms import is_finding

FORMAT = 1
"""Raised when a package of the old form can no longer be read as it is."""

MODEL, MANIFEST = "model.onnx", "package.json"
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
_VERSION = re.compile(r"\d+(\.\d+){0,3}")


@dataclass(frozen=True, slots=True)
class Manifest:
    """The parts of package.json that are plain records."""

    name: str
    version: str
    card: Card
    findings: tuple[str, ...]
    rule: Rule
    operating_points: tuple[OperatingPoint, ...]
    calibration: Calibration
    model_sha256: str

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or not _VERSION.fullmatch(self.version):
            raise PackageError(
                f"package is called {self.name!r} version {self.version!r}; "
                "expected small letters, digits, '_', '-' and '.', and a version such as '1.0'"
            )
        if not self.findings or not all(is_finding(name) for name in self.findings):
            raise PackageError(f"package {self.name} has findings {self.findings}; expected names from scan.terms")
        if len(set(self.findings)) < len(self.findings):
            raise PackageError(f"package {self.name} has findings {self.findings}; expected each of them once")


@dataclass(frozen=True, slots=True)
class Package:
    """A model package whose digest has been checked.

    Attributes:
        folder: where it lies.
        name: short name, such as "radnet".
        version: of this package, "1.0".
        digest: SHA-256 over everything in it; readings name it.
        card: what a reader must know before trusting it.
        preprocessing: how a volume becomes images for it.
        findings: the K columns of its logits.
        rule: slices to scan.
        operating_points: thresholds chosen on validation data.
        calibration: logits to probabilities.
        model_sha256: SHA-256 of model.onnx, which `model_bytes` checks again.
    """

    folder: Path
    name: str
    version: str
    digest: str
    card: Card
    preprocessing: Preprocessing
    findings: tuple[str, ...]
    rule: Rule
    operating_points: tuple[OperatingPoint, ...]
    calibration: Calibration
    model_sha256: str

    def model_bytes(self) -> bytes:
        """The content of model.onnx, which is what the digest says.

        Raises:
            PackageError: the file is missing or has been changed.
        """
        content = read_part(self.folder / MODEL)
        found = hashlib.sha256(content).hexdigest()
        if found != self.model_sha256:
            raise PackageError(
                f"model.onnx of package {self.name} has SHA-256 {found[:12]}..., its package.json says "
                f"{self.model_sha256[:12]}...; the package is damaged: install it again"
            )
        return content


def package_of(folder: Path, manifest: Manifest, preprocessing: Preprocessing, digest: str) -> Package:
    """The parts as one record."""
    return Package(
        folder=folder,
        name=manifest.name,
        version=manifest.version,
        digest=digest,
        card=manifest.card,
        preprocessing=preprocessing,
        findings=manifest.findings,
        rule=manifest.rule,
        operating_points=manifest.operating_points,
        calibration=manifest.calibration,
        model_sha256=manifest.model_sha256,
    )


def read_document(folder: Path) -> dict[str, Json]:
    """package.json as it stands, of a format that is known here.

    Raises:
        PackageError: it is missing, no JSON object, or of another format.
    """
    try:
        document = object_of(json.loads(read_part(folder / MANIFEST)), MANIFEST)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise PackageError(
            f"package.json in {folder.name!r} is not JSON ({error}); install the package again"
        ) from error
    if document.get("format") != FORMAT:
        raise PackageError(
            f"package in {folder.name!r} has format {document.get('format')!r}, this Bregma reads format {FORMAT}; "
            "export the package again, or use the Bregma it was made with"
        )
    return document


def read_preprocessing(settings: Json) -> Preprocessing:
    """The preprocessing settings of package.json.

    Raises:
        PackageError: a key or value of theirs is not known.
    """
    given = object_of(settings, f"{MANIFEST} preprocessing")
    try:
        preprocessing = Preprocessing.from_dict(given)
    except RequestError as error:
        raise PackageError(f"package.json has preprocessing settings that cannot be used: {error}") from error
    if preprocessing.to_dict() != given:
        raise PackageError(f"package.json preprocessing is {given}; expected every setting: {preprocessing.to_dict()}")
    return preprocessing


def digest_of(document: dict[str, Json]) -> str:
    """SHA-256 of the canonical form of package.json without its digest; it holds that of model.onnx."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def read_part(path: Path) -> bytes:
    """One file of a package.

    Raises:
        PackageError: it is missing or cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise PackageError(
            f"package {path.parent.name!r} has no readable {path.name} ({error.strerror}); "
            "expected a folder with model.onnx and package.json"
        ) from error
