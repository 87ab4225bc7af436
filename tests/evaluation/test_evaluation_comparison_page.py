"""The page about several models, its pictures, how they learned, and whether ImageNet tells."""

import dataclasses
import io
import json
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from evaluation_world import Head, Memory, bleeding
from PIL import Image
from test_evaluation_report import Links

from bregma.cli.contenders import contenders_of
from bregma.cli.machine import machine
from bregma.cli.run_logs import logs_of
from bregma.evaluation import comparison_pictures, summary
from bregma.evaluation.compare import compare_groups
from bregma.evaluation.comparison_page import comparison_page
from bregma.evaluation.correlation import Correlation, rank_correlation
from bregma.evaluation.evaluate import Contender, Question, evaluate_packages
from bregma.evaluation.evaluation import Evaluation
from bregma.evaluation.groups import alone, by_group
from bregma.evaluation.imagenet import TOP1, against_imagenet, top1_of
from bregma.evaluation.learning import ACCURACIES, AREAS, learning_of
from bregma.evaluation.report import document, page
from bregma.networks.backbone import BACKBONES
from bregma.scan.errors import RequestError
from tiny_models import CARD, tiny_onnx, tiny_package

RECIPES = Path(str(files("bregma"))) / "recipes"
TWO = ("any", "subdural")
ROWS = [
    {"epoch": str(i), "train_loss": f"{1 / i}", "loss": f"{2 / i}", "slice_auc": "" if i < 2 else "0.9"}
    | {"train_accuracy": f"{0.8 + i / 100}", "slice_accuracy": "0.7"}
    for i in (1, 2, 3)
]
REPORTED = [0.9619, 0.9730, 0.9761, 0.9714, 0.9769, 0.9733, 0.9756, 0.9790]  # the report's table 2, in its order
EIGHT = list(TOP1)[:8]


@pytest.fixture(scope="module")
def library() -> Memory:
    wrong = [Head("alarm", {7: 12.0}), Head("missed", truth=[0, 0, 0, 1, 1, 1, 0, 0, 0, 0], scan_truth=1.0)]
    return Memory(*(bleeding(f"p{i}") for i in range(4)), *(Head(f"n{i}") for i in range(4)), *wrong)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory, library: Memory) -> list[Evaluation]:
    folder = tmp_path_factory.mktemp("models")
    good = tiny_package(folder / "good", findings=TWO, name="six")
    softer = tiny_package(
        folder / "softer", onnx=tiny_onnx(gain=20.0, offset=-15.0, findings=2), findings=TWO, name="six"
    )
    blind = tiny_package(folder / "blind", onnx=tiny_onnx(gain=0.0, offset=-1.0), name="blind")
    contenders = [Contender(good, "six-0", "six"), Contender(softer, "six-1", "six"), Contender(blind, "<b>", "<b>")]
    return evaluate_packages(contenders, library, Question("default", "test", replicates=100))


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def test_the_page_of_several_models_needs_nothing_else(found: list[Evaluation], library: Memory) -> None:
    learned = learning_of("six-0", "six", ROWS)
    assert learned is not None
    for groups in (alone(found), by_group(found)):
        tables = compare_groups(groups, replicates=100)
        html = comparison_page(groups, tables, library, learning=[learned])
        links = Links()
        links.feed(html)
        assert all(source.startswith("data:image/png;base64,") for source in links.sources)
        assert "script" not in links.tags
        assert "<b><b>" not in html
        assert "&lt;b&gt;" in html
        for words in (
            "Differences to six",
            "p (Holm)",
            "ROC curves, subdural per slice",
            "ROC curves, pooled per slice",
        ):
            assert words in html
        assert ("Means over seeds" in html) == (len(groups) == 2)
        assert "How they learned" in html
        assert html.count("<details><summary>six-1: ") == 1


def test_columns_that_nobody_fills_are_left_out_and_a_page_without_a_library_lists(found: list[Evaluation]) -> None:
    groups = alone(found[2:])
    html = comparison_page(groups, compare_groups(groups, replicates=50))
    assert '<th class="n">slice AUC, pooled</th>' not in html
    assert '<th class="n">slice AUC, any</th>' in html
    assert "How they learned" not in html
    assert "series p0, slice" in html


def test_one_package_has_its_learning_on_its_page(found: list[Evaluation], library: Memory) -> None:
    learned = learning_of("six-0", "six", ROWS)
    assert learned is not None
    html = page(found[0], library, learning=[learned])
    assert "How it learned" in html
    assert "all findings pooled per slice" in html
    only_losses = learning_of("a", "a", [{"epoch": "1", "loss": "2"}])
    assert only_losses is not None
    assert "Training and validation accuracy of slices" in html
    assert "Validation AUC" not in page(found[2], learning=[only_losses])
    assert "accuracy of slices" not in page(found[2], learning=[only_losses])


def test_the_document_holds_it_all(found: list[Evaluation]) -> None:
    groups = by_group(found)
    tables = compare_groups(groups, replicates=50)
    learned = learning_of("six-0", "six", ROWS)
    assert learned is not None
    correlation = rank_correlation("slice any", [(str(i), i, i) for i in range(4)], np.random.default_rng(0))
    assert correlation is not None
    text = json.dumps(document(found, tables, correlations=[correlation], learning=[learned]), allow_nan=False)
    read = json.loads(text)
    assert read["evaluations"][0]["setup"]["group"] == "six"
    assert read["evaluations"][0]["cost"]["model_bytes"] > 100
    assert read["imagenet"][0]["spearman"] == 1.0
    assert read["learning"][0]["columns"]["slice_auc"] == [None, 0.9, 0.9]
    slices = [t for t in read["comparisons"] if (t["level"], t["finding"]) == ("slice", "any")]
    assert slices[0]["groups"][0][0] == "six"
    assert {"value", "p", "adjusted_p", "over_seeds", "interval"} <= set(slices[0]["comparisons"][0]["differences"][0])


def test_pictures_have_something_on_them(found: list[Evaluation]) -> None:
    groups = by_group(found)
    tables = compare_groups(groups, replicates=50)
    learned = learning_of("six-0", "six", ROWS)
    correlation = Correlation("slice any", ("a", "b"), (0.7, 0.8), (0.9, 0.95), 1.0, 0.5, exact=True)
    assert learned is not None
    drawn = [
        comparison_pictures.areas_picture(tables[0]),
        comparison_pictures.roc_overlay(groups, "slice", "any"),
        comparison_pictures.roc_overlay(alone(found), "slice", "any"),
        comparison_pictures.learning_picture([learned], AREAS),
        comparison_pictures.learning_picture([learned], ACCURACIES),
        comparison_pictures.learning_picture([learned]),
        comparison_pictures.correlation_picture(correlation),
    ]
    for png in drawn:
        assert ((pixels(png).max(axis=2) - pixels(png).min(axis=2)) > 60).sum() > 50  # something in colour
    assert len(set(drawn)) == len(drawn)


def test_no_curve_where_nobody_has_one(found: list[Evaluation]) -> None:
    with pytest.raises(RequestError, match="no ROC curve for ghost at level slice"):
        comparison_pictures.roc_overlay(alone(found), "slice", "ghost")


def test_spearman_by_hand() -> None:
    # 1 - 6 sum d^2 / (n (n^2 - 1)) with d = (0, 1, -1, 0): 1 - 12 / 60
    rows = [("a", 1.0, 10.0), ("b", 2.0, 30.0), ("c", 3.0, 20.0), ("d", 4.0, 40.0)]
    found = rank_correlation("x", rows, np.random.default_rng(0))
    assert found is not None
    assert found.spearman == pytest.approx(0.8)
    assert found.p == pytest.approx(8 / 24)  # 1 order agrees wholly, 3 as much as this one, and as many disagree
    assert found.exact
    assert rank_correlation("x", rows[:3], np.random.default_rng(0)) is None
    assert rank_correlation("x", [(n, 1.0, b) for n, _, b in rows], np.random.default_rng(0)) is None


def test_the_reports_own_table_ranks_as_imagenet_does() -> None:
    rows = [(name, TOP1[name], auc) for name, auc in zip(EIGHT, REPORTED, strict=True)]
    found = rank_correlation("slice pooled", rows, np.random.default_rng(0))
    assert found is not None
    # ranks of top-1 1.5 3 5 1.5 6 4 7 8, of AUC 1 3 6 2 7 4 5 8: sum of d^2 is 6.5; ties change the last digits
    assert found.spearman == pytest.approx(0.922, abs=0.001)
    assert 0.0005 < found.p < 0.005


def test_of_many_models_orders_are_drawn() -> None:
    rows = [(str(i), float(i), float(i)) for i in range(10)]
    found = rank_correlation("x", rows, np.random.default_rng(0))
    assert found is not None
    assert not found.exact
    assert found.p < 0.001


def test_every_recipe_named_after_a_backbone_has_its_top1() -> None:
    shipped = {path.stem for path in RECIPES.glob("*.toml")}
    assert set(TOP1) <= shipped
    assert len(TOP1) == len(BACKBONES) - 1, "EfficientNet-Lite0 has no recipe of its own name"
    assert top1_of("radnet") is None


def test_models_named_after_backbones_are_ranked_against_imagenet(tmp_path: Path) -> None:
    library = Memory(*(bleeding(f"p{i}") for i in range(3)), Head("q"), Head("alarm", {7: 12.0}))
    contenders = []
    for gain, recipe in enumerate(("vgg16", "resnet50", "efficientnet_b0", "efficientnet_b3", "radnet")):
        card = dataclasses.replace(CARD, recipe=recipe)
        # a low ceiling of the logit makes ties, and so a worse area
        onnx = tiny_onnx(gain=0.0 if gain == 0 else 10.0 * gain, offset=-8.0 * gain)
        contenders.append(Contender(tiny_package(tmp_path / recipe, onnx=onnx, card=card, name=recipe)))
    groups = alone(evaluate_packages(contenders, library, Question("default", "test", replicates=50)))
    (found,) = against_imagenet(groups, compare_groups(groups, replicates=50), np.random.default_rng(0))
    assert found.of == "slice any"
    assert found.models == ("vgg16", "resnet50", "efficientnet_b0", "efficientnet_b3")
    assert found.first == (0.713, 0.749, 0.763, 0.811)
    html = comparison_page(groups, compare_groups(groups, replicates=50), correlations=[found])
    assert "Does ImageNet tell?" in html


@pytest.mark.parametrize("rows", [[], [{"loss": "1"}], [{"epoch": "1", "rate": "1"}]])
def test_a_log_with_nothing_to_draw_is_none(rows: list[dict[str, str]]) -> None:
    assert learning_of("a", "a", rows) is None


def test_a_log_is_read_by_the_names_of_its_columns(tmp_path: Path) -> None:
    run = tmp_path / "tiny-3"
    tiny_package(run / "package")
    asked = [str(run / "package")]
    contenders = contenders_of(asked, grouped=True)
    assert logs_of(asked, contenders) == []
    (run / "log.csv").write_text("seconds,slice_auc,epoch,new\n9,0.5,1,x\n9,oops,2,x\n9,inf,3,x\n9\n")
    (log,) = logs_of(asked, contenders)
    assert (log.label, log.group) == ("tiny", "tiny")
    assert log.curve("slice_auc") == [(1.0, 0.5)]
    assert log.curve("loss") == []
    (run / "log.csv").write_bytes(b"epoch,loss\n\xff,1\n")
    assert logs_of(asked, contenders) == []


def test_what_packages_are_called(tmp_path: Path) -> None:
    for run in ("a-0", "a-1", "b"):
        tiny_package(tmp_path / run / "package")
    plain = tiny_package(tmp_path / "plain", name="other")
    asked = [str(tmp_path / run / "package") for run in ("a-0", "a-1", "b", "b")]
    found = contenders_of(asked, grouped=True)
    assert [c.label for c in found] == ["a-0", "a-1", "b", "b (2)"]
    assert [c.group for c in found] == ["a", "a", "tiny", "tiny"]
    other = tiny_package(tmp_path / "a-2" / "package", card=dataclasses.replace(CARD, recipe_digest="2" * 64))
    mixed = [*asked[:2], str(other.folder)]
    with pytest.raises(RequestError, match=r"group 'a' mixes packages of different recipes \(a-0, a-1, a-2\)"):
        contenders_of(mixed, grouped=True)
    assert len(contenders_of(mixed, grouped=False)) == 3
    (one,) = contenders_of([str(plain.folder)], grouped=False)
    assert (one.label, one.group) == ("other", "")
    bundled = contenders_of(["segmenter", "segmenter"], grouped=False)
    assert [c.label for c in bundled] == ["segmenter", "segmenter (2)"]


def test_the_machine_has_cores_and_a_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert " core" in machine()
    told = tmp_path / "cpuinfo"
    told.write_text("processor : 0\nmodel name\t: Abacus 7 @ 2 GHz\n")
    monkeypatch.setattr("bregma.cli.machine._CPUINFO", told)
    assert machine().endswith("of Abacus 7 @ 2 GHz")
    told.write_text("processor : 0\n")
    assert machine()
    monkeypatch.setattr("bregma.cli.machine._CPUINFO", tmp_path / "nowhere")
    assert machine()


def test_parameters_and_macs_are_those_on_the_card(tmp_path: Path, library: Memory) -> None:
    card = dataclasses.replace(CARD, parameters=25_557_032, macs=4_111_514_624)
    told = Contender(tiny_package(tmp_path / "told", card=card), "told")
    silent = Contender(tiny_package(tmp_path / "silent"), "silent")
    groups = alone(evaluate_packages([told, silent], library, Question("default", "test", replicates=50)))
    rows = summary.summary_rows(groups, compare_groups(groups, replicates=50))
    header = summary.summary_header(groups)
    at = header.index("parameters"), header.index("MACs per slice")
    assert [rows[0][place] for place in at] == ["25.6 M", "4.11 G"]
    assert [rows[1][place] for place in at] == ["-", "-"]


def test_columns_without_a_figure_are_dropped() -> None:
    assert summary.filled(("a", "b"), [("1", "-"), ("2", "-")]) == (["a"], [["1"], ["2"]])
    assert summary.filled(("a", "b"), []) == (["a", "b"], [])


def test_every_finding_and_level_has_its_confusion_table(found: list[Evaluation]) -> None:
    """Of ten heads four bleed and are called, four are quiet, one is a false alarm and one is missed."""
    rows = summary.confusion_rows(found)
    assert all(len(row) == len(summary.CONFUSION_HEADER) for row in rows)
    scans = [row[3:] for row in rows if row[:2] == ("six-0", "scan any")]
    assert scans[0] == ("4", "1", "1", "4")
    levels = {(one.setup.label, f"{level.level} {level.finding}"): level for one in found for level in one.levels}
    assert all(sum(map(int, row[3:])) == levels[row[0], row[1]].cases for row in rows)
    assert {row[:2] for row in rows} == {key for key, level in levels.items() if level.cases}
    assert "counts of every finding at every threshold" in comparison_page(
        by_group(found), compare_groups(by_group(found), replicates=50)
    )


def test_summary_cells_and_their_text_agree(found: list[Evaluation]) -> None:
    groups = by_group(found)
    tables = compare_groups(groups, replicates=50)
    (cells, _), (row, _) = summary.summary_cells(groups, tables), summary.summary_rows(groups, tables)
    assert cells[0] == ("six", "2 seeds")
    assert row[0] == "six (2 seeds)"
