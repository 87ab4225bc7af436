"""The numbers printed in two of the papers, recomputed through our own figures; where they do not add up, how."""

from __future__ import annotations

import pytest

from bregma.evaluation.metrics import ACCURACY, F1, PRECISION, PROPORTIONS, RECALL, SPECIFICITY, Counts

# Kodandarama et al., figures 3 and 4: any bleed, on 128,000 slices
HETEROGENEOUS = Counts(tp=13_266, fp=2_461, fn=5_341, tn=106_932)

# Agarwaal and Rudram, section 3.2: percent of the slices that are positive, before and after "upsampling by 8 times"
BEFORE = {
    "any": 14.34, "epidural": 0.42, "intraparenchymal": 4.8, "subdural": 6.27, "subarachnoid": 4.74,
    "intraventricular": 3.48,
}  # fmt: skip
AFTER = {
    "any": 17.26, "epidural": 3.34, "intraparenchymal": 5.39, "subdural": 6.94, "subarachnoid": 5.27,
    "intraventricular": 3.69,
}  # fmt: skip
SLICES, EPIDURAL = 752_803, 3_145
COPIES = 7
TRAINED_ON, VALIDATED_ON = 65_859, 11_623

# the same, tables 1 and 2: ImageNet top-1, parameters in millions, accuracy and AUC on RSNA
BACKBONES = {
    "VGG16": (0.713, 138.0, 0.9704, 0.9619),
    "ResNet50": (0.749, 26.0, 0.9713, 0.9730),
    "Inception_v3": (0.779, 24.0, 0.9727, 0.9761),
    "MobileNetV2": (0.713, 3.5, 0.9700, 0.9714),
    "Xception": (0.790, 23.0, 0.9728, 0.9769),
    "EfficientNet-B0": (0.763, 5.3, 0.9711, 0.9733),
    "EfficientNet-B2": (0.798, 9.2, 0.9728, 0.9756),
    "EfficientNet-B3": (0.811, 12.0, 0.9729, 0.9790),
}


def figure(name: str, counts: Counts) -> float:
    (found,) = [one.of(counts) for one in PROPORTIONS if one.name == name]
    assert found is not None
    return found


def always_no(percent: dict[str, float]) -> Counts:
    """The confusion table, pooled over the findings, of a model that never finds anything."""
    positive = sum(percent.values()) / 100.0
    return Counts(tp=0.0, fp=0.0, fn=positive, tn=len(percent) - positive)


def test_the_confusion_table_of_heterogeneous_labels_gives_its_printed_figures() -> None:
    assert HETEROGENEOUS.cases == 128_000
    assert round(figure(PRECISION.name, HETEROGENEOUS), 2) == 0.84
    assert round(figure(RECALL.name, HETEROGENEOUS), 2) == 0.71
    assert round(figure(F1.name, HETEROGENEOUS), 2) == 0.77
    assert round(100 * figure(ACCURACY.name, HETEROGENEOUS), 1) == 93.9
    assert round(100 * figure(SPECIFICITY.name, HETEROGENEOUS), 1) == 97.8  # not printed


def test_never_finding_anything_is_already_right_in_85_percent_of_those_slices() -> None:
    never = Counts(tp=0, fp=0, fn=HETEROGENEOUS.positives, tn=HETEROGENEOUS.negatives)
    assert round(100 * figure(ACCURACY.name, never), 1) == 85.5


@pytest.mark.parametrize(("percent", "accuracy"), [(BEFORE, 94.3), (AFTER, 93.0)])
def test_never_finding_anything_is_right_in_93_to_94_percent_pooled_over_six_findings(
    percent: dict[str, float], accuracy: float
) -> None:
    assert round(100 * figure(ACCURACY.name, always_no(percent)), 1) == accuracy


def test_the_eight_backbones_saw_a_tenth_of_slices_and_copies_split_85_to_15() -> None:
    assert round(0.1 * (SLICES + COPIES * EPIDURAL)) == TRAINED_ON + VALIDATED_ON == 77_482
    assert round(100 * TRAINED_ON / (TRAINED_ON + VALIDATED_ON), 1) == 85.0
    # without the copies a tenth would be 75,280: so the copies were there before the subset and the split
    assert round(0.1 * SLICES) == 75_280


def test_the_split_that_the_text_calls_90_to_10_is_not() -> None:
    assert round(100 * TRAINED_ON / 77_482) == 85 != 90


def test_a_bleed_of_any_kind_is_in_all_slices_but_the_negative_ones() -> None:
    assert AFTER["any"] + 82.74 == pytest.approx(100.0)
    assert round(82.74 / AFTER["any"], 1) == 4.8


def test_the_share_of_epidural_bleeds_before_copying_fits_the_counts() -> None:
    assert round(100 * EPIDURAL / SLICES, 2) == BEFORE["epidural"]


@pytest.mark.parametrize("finding", ["any", "epidural"])
def test_the_shares_after_copying_are_divided_by_the_slices_before_it(finding: str) -> None:
    """Every copy has an epidural bleed, so both rows follow from the counts; the printed ones forgot the new total."""
    positive = BEFORE[finding] / 100 * SLICES if finding == "any" else EPIDURAL
    positive += COPIES * EPIDURAL
    assert 100 * positive / SLICES == pytest.approx(AFTER[finding], abs=0.006)
    right = {"any": 16.77, "epidural": 3.25}[finding]
    assert 100 * positive / (SLICES + COPIES * EPIDURAL) == pytest.approx(right, abs=0.006)


def test_what_the_text_says_of_the_table_of_backbones() -> None:
    top, size, accuracy, auc = ({name: row[k] for name, row in BACKBONES.items()} for k in range(4))
    for best in (top, accuracy, auc):
        assert max(best, key=best.__getitem__) == "EfficientNet-B3"
    for figures in (accuracy, auc):
        assert figures["EfficientNet-B0"] < figures["EfficientNet-B2"] < figures["EfficientNet-B3"]
    assert auc["MobileNetV2"] - auc["VGG16"] == pytest.approx(0.0095)
    assert size["Xception"] > size["EfficientNet-B2"] + size["EfficientNet-B3"]
    assert min(auc, key=auc.__getitem__) == "VGG16"
    # "VGG16 performed the worst" holds for the AUC only
    assert min(accuracy, key=accuracy.__getitem__) == "MobileNetV2"
