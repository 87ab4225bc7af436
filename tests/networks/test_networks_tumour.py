"""The tumour network: a map of the input's size, RoiPool by hand, tiny heads."""

from __future__ import annotations

import pytest
import torch

from bregma.networks.tumour_multitask import ResBlock, ResidualMap, TrunkMap, TumourNetwork, roi_pool
from bregma.scan.errors import RequestError
from bregma.scan.tumour import VoxelBox

TERMS = {"type": 5, "side": 2}


def small(width: int = 4, *, mask: bool = True) -> TumourNetwork:
    backbone = ResidualMap(width, blocks=1, kernel=(3, 3, 3), down=(4, 4, 4))
    return TumourNetwork(backbone, width, terms=TERMS, mask=mask, kernel=(3, 3, 3))


@pytest.mark.parametrize("width", [16, 32, 96])
@pytest.mark.parametrize(
    ("kernel", "down", "size"),
    [
        ((3, 3, 3), (4, 4, 4), (8, 8, 8)),
        ((3, 3, 3), (4, 4, 4), (7, 9, 5)),
        ((3, 3, 3), (2, 4, 4), (6, 8, 8)),
        ((1, 3, 3), (1, 4, 4), (1, 12, 8)),
    ],
)
def test_the_map_has_the_size_of_the_input(width: int, kernel, down, size) -> None:  # type: ignore[no-untyped-def]
    backbone = ResidualMap(width, blocks=1, kernel=kernel, down=down)
    assert backbone(torch.rand(2, 1, *size)).shape == (2, width, *size)


def test_residual_blocks_see_a_fourth_of_every_length() -> None:
    backbone = ResidualMap(2, blocks=1, kernel=(3, 3, 3), down=(1, 2, 4))
    assert backbone.enter(torch.rand(1, 1, 5, 8, 8)).shape == (1, 2, 5, 4, 2)


def test_slices_of_a_thin_stack_do_not_see_each_other_with_flat_kernels() -> None:
    backbone = ResidualMap(2, blocks=1, kernel=(1, 3, 3), down=(1, 4, 4)).eval()
    stack = torch.rand(1, 1, 3, 8, 8)
    changed = stack.clone()
    changed[:, :, 2] += 1
    with torch.inference_mode():
        assert torch.equal(backbone(stack)[:, :, 0], backbone(changed)[:, :, 0])


def test_a_res_block_with_silent_second_convolution_passes_its_input_on() -> None:
    block = ResBlock(3, 3, (3, 3, 3))
    torch.nn.init.zeros_(block.second[2].weight)
    values = torch.rand(1, 3, 4, 4, 4)
    assert torch.equal(block(values), values)


def test_roi_pool_is_the_maximum_in_the_box_alone() -> None:
    seen = torch.zeros(2, 2, 3, 4, 4)
    seen[1, 0, 1, 1, 1], seen[1, 0, 2, 3, 3], seen[1, 1, 1, 2, 2] = 5.0, 9.0, -1.0
    seen[1, 1, 1, 1, 1] = -2.0
    box = VoxelBox((1, 1, 1), (2, 2, 2))
    assert roi_pool(seen, [(1, box), (0, box)]).tolist() == [[5.0, -2.0], [0.0, 0.0]]
    assert roi_pool(seen, []).shape == (0, 2)


def test_the_gradient_of_roi_pool_reaches_the_largest_voxel_of_each_box() -> None:
    seen = torch.zeros(1, 1, 1, 2, 3)
    seen[0, 0, 0, 0, 1], seen[0, 0, 0, 1, 2] = 1.0, 2.0
    seen.requires_grad_()
    roi_pool(seen, [(0, VoxelBox((0, 0, 0), (1, 2, 3))), (0, VoxelBox((0, 0, 0), (1, 2, 2)))]).sum().backward()
    assert seen.grad is not None
    assert seen.grad[0, 0, 0].tolist() == [[0, 1, 0], [0, 0, 1]]


def test_heads_answer_for_every_tumour_of_every_patch() -> None:
    box = VoxelBox((0, 0, 0), (2, 2, 2))
    outputs = small()(torch.rand(2, 1, 8, 8, 8), [(0, box), (1, box), (1, box)])
    assert outputs.mask is not None
    assert outputs.mask.shape == (2, 1, 8, 8, 8)
    assert {name: tuple(one.shape) for name, one in outputs.criteria.items()} == {"type": (3, 5), "side": (3, 1)}
    assert outputs.embedding.shape == (3, 4)
    assert torch.equal(outputs.embedding[1], outputs.embedding[2])


def test_heads_are_one_linear_layer_and_one_residual_block() -> None:
    network = small(8)
    heads = sum(one.numel() for one in network.heads.parameters())
    assert heads == (8 * 5 + 5) + (8 * 1 + 1)
    assert isinstance(network.mask, ResBlock)
    assert small(mask=False).mask is None


def test_a_published_trunk_gives_a_map_of_the_size_of_the_stack() -> None:
    trunk = TrunkMap(8, backbone="mobilenetv2_100", weights="random").eval()
    with torch.inference_mode():
        stack = torch.rand(1, 1, 2, 64, 32)
        seen = trunk(stack)
        assert seen.shape == (1, 8, 2, 64, 32)
        torch.testing.assert_close(trunk(stack[:, :, 1:]), seen[:, :, 1:], atol=1e-4, rtol=1e-3)


def test_frozen_stages_keep_weights_and_statistics() -> None:
    trunk = TrunkMap(4, backbone="mobilenetv2_100", weights="random", frozen=2).train()
    before = {name: one.clone() for name, one in trunk.state_dict().items()}
    optimizer = torch.optim.SGD([one for one in trunk.parameters() if one.requires_grad], 0.1)
    trunk(torch.rand(2, 1, 1, 64, 64)).square().mean().backward()
    optimizer.step()
    after = trunk.state_dict()
    kept = [name for name in before if name.startswith(("published.trunk.conv_stem", "published.trunk.blocks.1."))]
    assert kept
    assert all(torch.equal(before[name], after[name]) for name in kept)
    later = "published.trunk.blocks.3.0.conv_pw.weight"
    assert not torch.equal(before[later], after[later])


def test_a_backbone_without_maps_of_four_sizes_is_refused() -> None:
    with pytest.raises(RequestError, match="vgg16"):
        TrunkMap(4, backbone="vgg16", weights="random")
