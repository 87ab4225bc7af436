"""Stage two of naming places, on clouds of vectors whose classes a child could tell."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bregma.models.neighbours import References, unit
from bregma.training.relation_training import RelationSettings, batch_of, fit_relation, relation_loss, relation_scores


def clouds(rng: np.random.Generator) -> References:
    """Three classes of unequal size around their own corners, eight patients."""
    classes = np.repeat([0, 1, 2], [40, 20, 8])
    vectors = 2 * np.eye(6)[classes] + rng.normal(size=(68, 6)) * 0.3
    return References(unit(vectors.astype(np.float32)), classes.astype(np.intp), rng.integers(0, 8, 68))


@pytest.mark.parametrize("kind", ["all", "nearest"])
def test_a_relation_network_learns_what_is_near(kind: str) -> None:
    torch.set_num_threads(1)
    known, asked = clouds(np.random.default_rng(0)), clouds(np.random.default_rng(1))
    settings = RelationSettings(kind=kind, k=3, hidden=32, dropout=0.1, learning_rate=0.02, batch=17, epochs=20)  # type: ignore[arg-type]
    seen: list[int] = []
    network = fit_relation(known, settings, classes=4, seed=0, after_epoch=lambda end: seen.append(end.epoch))
    assert seen == list(range(1, 21))
    strangers = np.full(68, -1, np.intp)
    scores = relation_scores(network, known, asked.vectors, strangers, settings, classes=4)
    assert (scores.argmax(axis=1) == asked.classes).mean() > 0.95
    assert (scores[:, 3] == 0).all()  # a class that has no reference
    again = fit_relation(known, settings, classes=4, seed=0)
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), again.parameters(), strict=True))


def test_a_small_training_part_still_learns_in_several_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(1)
    seen: list[int] = []
    monkeypatch.setattr(
        "bregma.training.relation_training.relation_loss",
        lambda logits, wanted: seen.append(len(wanted)) or relation_loss(logits, wanted),
    )
    settings = RelationSettings(kind="nearest", k=3, hidden=8, batch=2048, epochs=1)
    fit_relation(clouds(np.random.default_rng(0)), settings, classes=4, seed=0)
    assert seen == [16, 16, 16, 16, 4]  # 68 targets, 16 at a time


@pytest.mark.parametrize(("regions", "batch"), [(68, 16), (1914, 48), (12_340, 2030), (40_000, 2048)])
def test_an_epoch_takes_as_long_whatever_the_size(regions: int, batch: int) -> None:
    # 75,000 references are seen in an epoch: regions / batch steps over all of them
    assert batch_of(regions, 2048) == batch


def test_a_class_that_could_not_be_compared_with_teaches_nothing() -> None:
    logits = torch.tensor([[0.0, -torch.inf]])
    # one known class at a probability of one half: ln 2
    assert float(relation_loss(logits, torch.tensor([[1.0, 0.0]]))) == pytest.approx(np.log(2))
