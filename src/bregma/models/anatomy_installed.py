"""Which packages of places are there: looked for where other packages are, and told apart by their file."""

from __future__ import annotations

from pathlib import Path

from bregma.models.anatomy_package import MANIFEST, AnatomyPackage, load_anatomy_package
from bregma.models.package import Damaged, model_folders
from bregma.scan.errors import PackageError, RequestError, did_you_mean


def is_anatomy_folder(folder: Path) -> bool:
    """Whether a folder holds a package of places, whole or damaged."""
    return (folder / MANIFEST).is_file()


def find_all_anatomy() -> tuple[list[AnatomyPackage], list[Damaged]]:
    """Every package of places that is whole, by name, and every damaged one, in the order in which they are looked for.

    Of two packages with one name the first found is used.
    """
    found: dict[str, AnatomyPackage] = {}
    damaged = []
    for folder in _folders():
        try:
            package = load_anatomy_package(folder)
        except PackageError as error:
            damaged.append(Damaged(folder, str(error)))
        else:
            found.setdefault(package.card.name, package)
    return sorted(found.values(), key=lambda package: package.card.name), damaged


def find_anatomy_package(name_or_path: str | Path) -> AnatomyPackage:
    """A package of places by the name under which it is installed, or by its folder.

    Raises:
        PackageError: the folder is no whole package of places.
        RequestError: there is neither such a package nor such a folder.
    """
    path = Path(name_or_path)
    if is_anatomy_folder(path):
        return load_anatomy_package(path)
    installed = {package.card.name: package for package in find_all_anatomy()[0]}
    if str(name_or_path) in installed:
        return installed[str(name_or_path)]
    if path.is_dir():
        raise PackageError(f"folder {path.name!r} has no {MANIFEST}; expected a package that names places")
    raise RequestError(
        f"no package of places called {path.name!r} is installed{did_you_mean(path.name, installed)}; give the folder "
        "that bregma train anatomy_rn_nn wrote"
    )


def _folders() -> list[Path]:
    found = [path.parent for folder in model_folders() for path in sorted(folder.glob(f"*/{MANIFEST}"))]
    return [folder for folder in found if not folder.name.startswith(".")]
