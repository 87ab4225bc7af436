"""Recipes: the papers' numbers, and what happens to a wrong key."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from bregma.scan.errors import RecipeError, RequestError
from bregma.training.recipe import FOLDER, changes_of, load_recipe, recipe_names
from bregma.training.recipe_file import digest_of

ARMS = {"densenet40": (False, False), "densenet40_attention": (True, False), "radnet": (True, True)}


def edited(folder: Path, before: str, after: str) -> Path:
    text = (FOLDER / "radnet.toml").read_text()
    assert before in text
    path = folder / "radnet.toml"
    path.write_text(text.replace(before, after))
    return path


def test_an_unknown_key_stops_with_a_suggestion(tmp_path: Path) -> None:
    path = edited(tmp_path, "learning_rate =", "learning_rte =")
    with pytest.raises(RecipeError) as caught:
        load_recipe(path)
    assert str(caught.value) == "radnet.toml [optimizer] has no key 'learning_rte'; did you mean 'learning_rate'?"


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ("findings = ", "nmae = 1\nfindings = ", "radnet.toml has no key 'nmae'; did you mean 'name'?"),
        ("[loop]", "[lop]", "radnet.toml has no key 'lop'; did you mean 'loop'?"),
        ("center = 40", "middle = 40", r"no key 'middle'"),
        ("momentum = 0.9 ", "# ", "radnet.toml [optimizer] lacks the key 'momentum'"),
        ("momentum = 0.9", "momentum = 1.5", "[optimizer] momentum is 1.5; input should be less than 1"),
        ("epochs = 60", "epochs = '60'", "[optimizer] epochs is '60'; input should be a valid integer"),
        ("epochs = 60", "epochs = = 60", "radnet.toml is not TOML"),
        ('["any"]', '["subdral"]', "findings 'subdral'; did you mean 'subdural'?"),
        ("[{ center = 40, width = 80 }]", '["brian"]', "no preset 'brian'; did you mean 'brain'?"),
        ('"cross_entropy" ', '"entropy" ', "[loss] slice_kind is 'entropy'"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, before: str, after: str, sentence: str) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe(edited(tmp_path, before, after))
    assert sentence in str(caught.value)


def test_the_three_arms_differ_in_nothing_else() -> None:
    dumps = {}
    for name, (attention, sequence) in ARMS.items():
        recipe = load_recipe(name)
        assert (recipe.name, recipe.network.attention, recipe.network.sequence) == (name, attention, sequence)
        dump = recipe.model_dump()
        del dump["name"], dump["network"]["attention"], dump["network"]["sequence"]
        dumps[name] = dump
    assert dumps["densenet40"] == dumps["densenet40_attention"] == dumps["radnet"]


def test_the_papers_numbers() -> None:
    recipe = load_recipe("radnet")
    assert recipe.preprocessing.settings.size == 256
    assert (recipe.preprocessing.pixel_mm, recipe.preprocessing.field_of_view_mm) == (1.0, 250.0)
    assert (recipe.optimizer.momentum, recipe.optimizer.epochs, recipe.rule.run_slices) == (0.9, 60, 3)
    rates = [recipe.optimizer.rate_at(epoch) for epoch in (0, 19, 20, 39, 40, 59)]
    assert rates == pytest.approx([first := rates[0], first, first / 10, first / 10, first / 100, first / 100])


def test_fewer_epochs_keep_the_shape_of_the_schedule() -> None:
    optimizer = load_recipe("radnet", ["optimizer.epochs=6"]).optimizer
    rates = [optimizer.rate_at(epoch) / optimizer.learning_rate for epoch in range(6)]
    assert rates == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])
    single = load_recipe("radnet", ["optimizer.epochs=1"]).optimizer
    assert single.rate_at(0) == single.learning_rate


def nobodys(recipe: str) -> list[str]:
    """The lines of a recipe that hold a number or a switch and do not say whose it is."""
    found = []
    for line in recipe.splitlines():
        code, _, remark = line.partition("#")
        values = re.sub(r'^\s*\w+ *=|"[^"]*"', "", code)
        if re.search(r"\d|true|false", values) and not re.search(r"\([po]\)", remark):
            found.append(line.strip())
    return found


@pytest.mark.parametrize("name", recipe_names())
def test_every_number_says_whose_it_is(name: str) -> None:
    assert nobodys((FOLDER / f"{name}.toml").read_text()) == []


def test_a_number_of_nobodys_is_found_wherever_it_stands() -> None:
    lines = [
        "epochs = 10",
        "windows = [",
        "    { center = 40, width = 80 },  # brain",
        "]",
        "repeat = { epidural = 8 }",
    ]
    lines += ["balance = true", 'backbone = "vgg16"', "top_k = 3  # (o)", "mix = [2, 1, 1]  # ours"]
    assert nobodys("\n".join(lines)) == [lines[0], lines[2].strip(), lines[4], lines[5], lines[8]]


def test_overrides_from_the_command_line_and_from_code_agree() -> None:
    texts = ["preprocessing.pixel_mm=2", "network.sequence = false", "loop.precision=bf16"]
    values = {"preprocessing.pixel_mm": 2, "network.sequence": False, "loop.precision": "bf16"}
    assert load_recipe("radnet", texts) == load_recipe("radnet", values)
    assert load_recipe("radnet", texts).preprocessing.settings.size == 128


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("preprocessing.pixel_mm", "is not 'section.key=value'"),
        ("preprocessing.pixel=2", "radnet.toml [preprocessing] has no key 'pixel'; did you mean 'pixel_mm'?"),
        ("name.first=2", "'name' is no section"),
        ("preprocessing.pixel_mm=0", "pixel_mm is 0; input should be greater than 0"),
        ("loss.slice=0", "nothing to learn from"),
    ],
)
def test_a_wrong_override_is_refused(override: str, sentence: str) -> None:
    overrides = [override, "network.attention=false"] if "loss" in override else [override]
    with pytest.raises(RequestError) as caught:
        load_recipe("radnet", overrides)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["batches.mix=[1, 1]"], "radnet.toml [batches] mix is [1, 1]; expected three whole numbers"),
        (["batches.mix=[3, 0, -1]"], "mix is [3, 0, -1]; expected three whole numbers"),
        (["batches.mix=[1, 1, 1]"], "mix is [1, 1, 1], which makes 3 scans per step; scans is 2"),
        (["batches.mix=[2, 0, 0]", "batches.unit=slice"], 'but unit is "slice"; leave mix out'),
        (["batches.mix=[1, 1, 0]"], "loss.scan is 0, so that its scans of kind 'scan' would teach nothing"),
        (["batches.mix=[1, 0, 1]"], "loss.smoothness is 0, so that its scans of kind 'none' would teach nothing"),
        (["batches.unit=slice", "loss.scan=1"], "loss.scan and loss.smoothness look at more than one slice"),
        (["batches.unit=slices"], "[batches] unit is 'slices'; input should be 'scan' or 'slice'"),
        (["batches.repeat={ano = 2}"], "radnet.toml [batches] repeat has 'ano'; did you mean 'any'?"),
        (["batches.repeat={epidural = 8}"], "repeat has 'epidural'"),
        (["batches.repeat={any = 0}"], "[batches.repeat] any is 0; input should be greater than or equal to 1"),
        (['labels.sources=["reader:1"]'], "['reader:1'], but the network draws"),
        (["preprocessing.neighbours=4"], "neighbours is 4; input should be less than or equal to 3"),
    ],
)
def test_what_does_not_fit_together_is_refused(overrides: list[str], sentence: str) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe("radnet", overrides)
    assert sentence in str(caught.value)


def test_an_unknown_recipe_gets_a_suggestion() -> None:
    with pytest.raises(RecipeError, match=r"'radnt' is neither .* did you mean 'radnet'\?"):
        load_recipe("radnt")


def test_the_digest_follows_values_not_layout(tmp_path: Path) -> None:
    recipe = load_recipe("radnet")
    assert digest_of(load_recipe(edited(tmp_path, "# (p)", "# said by the paper"))) == digest_of(recipe)
    assert digest_of(load_recipe("radnet", {"optimizer.epochs": 59})) != digest_of(recipe)
    with pytest.raises(ValidationError):
        recipe.name = "other"


def test_what_was_changed_can_be_set_again(tmp_path: Path) -> None:
    recipe = load_recipe("radnet", ["preprocessing.pixel_mm=2", "loss.segmentation=[1.0, 0.5, 0.5]"])
    changes = changes_of(recipe)
    assert changes == ["preprocessing.pixel_mm=2.0", "loss.segmentation=[1.0, 0.5, 0.5]"]
    assert load_recipe("radnet", changes) == recipe
    changes = ['preprocessing.windows=[{center = 10.0, width = 20.0}, "bone"]', "batches.repeat={any = 3}"]
    recipe = load_recipe("radnet", changes)
    assert recipe.batches.repeat == {"any": 3}
    assert changes_of(recipe) == changes
    own = load_recipe(edited(tmp_path, 'name = "radnet"\nfindings', 'name = "mine"\nfindings'))
    assert "optimizer.epochs=60" in changes_of(own)


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("loss.finding_weights=[1.0, 2.0]", "finding_weights is [1.0, 2.0]; expected one weight"),
        ("loss.finding_weights=[-1.0]", "finding_weights is [-1.0]; expected one weight of at least 0"),
        ("loss.finding_weights=[0.0]", "not all of them 0"),
        ("loss.smoothness=0.5", "smoothness is 0.5, but network 'radnet' gives no features"),
    ],
)
def test_a_loss_fits_the_findings_and_the_network(override: str, sentence: str) -> None:
    with pytest.raises(RecipeError, match=re.escape(sentence)):
        load_recipe("radnet", [override])
    assert load_recipe("radnet", ["loss.finding_weights=[2.0]"]).loss.finding_weights == (2.0,)
