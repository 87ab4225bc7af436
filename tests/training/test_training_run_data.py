"""A run goes on with the scans and labels it began with, or says what has changed."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bregma.scan.errors import RequestError
from bregma.training.inputs import Inputs
from bregma.training.run_data import claim_data, data_of
from bregma.training.train import Run, prepare_job


@pytest.fixture
def parts(drawn_library: Any, tiny_recipe: Any, tmp_path: Path) -> tuple[Inputs, Inputs]:
    (tmp_path / "run").mkdir()
    job = prepare_job(tiny_recipe, drawn_library, Run(tmp_path / "run", device="cpu", threads=1))
    return job.training, job.validation


@pytest.fixture
def begun(parts: tuple[Inputs, Inputs], tmp_path: Path) -> Path:
    path = tmp_path / "run.json"
    path.write_text('{"seed": 3}')
    claim_data(path, data_of(*parts))
    return path


def test_a_run_writes_down_its_data_and_goes_on_with_the_same(begun: Path, parts: tuple[Inputs, Inputs]) -> None:
    written = begun.read_bytes()
    claim_data(begun, data_of(*parts))
    assert begun.read_bytes() == written
    identity = json.loads(written)
    assert identity["seed"] == 3
    assert [identity["data"][name]["count"] for name in ("training", "validation")] == [6, 4]


def test_another_scan_is_said(begun: Path, parts: tuple[Inputs, Inputs]) -> None:
    fewer = dataclasses.replace(parts[0], scans=parts[0].scans[1:])
    with pytest.raises(RequestError, match=r"the training part has other scans \(6 then, 5 now\).* another folder"):
        claim_data(begun, data_of(fewer, parts[1]))


@pytest.mark.parametrize("field", ["value", "known", "mask_known", "scan_value", "scan_known"])
def test_another_label_is_said(begun: Path, parts: tuple[Inputs, Inputs], field: str) -> None:
    training, validation = parts
    first, *others = validation.scans
    changed = dataclasses.replace(first, **{field: np.logical_not(getattr(first, field)).astype(np.float32)})
    with pytest.raises(RequestError, match="the labels of the validation part have changed since"):
        claim_data(begun, data_of(training, dataclasses.replace(validation, scans=[changed, *others])))


def test_another_mask_is_said_where_masks_teach(begun: Path, parts: tuple[Inputs, Inputs]) -> None:
    cache, uid = parts[0].cache, parts[0].scans[0].series_uid
    cache.add(uid, cache.get(uid).images, cache.get(uid).mask, mask_digest="other")
    with pytest.raises(RequestError, match="the masks of the training part have changed since"):
        claim_data(begun, data_of(*parts))
    blind = [dataclasses.replace(part, masks=False) for part in parts]
    path = begun.with_name("blind.json")
    path.write_text("{}")
    claim_data(path, data_of(*blind))
    cache.add(uid, cache.get(uid).images, None, mask_digest="third")
    claim_data(path, data_of(*blind))
