"""Every dimension of the plain U-Net does what its name says, and its answer depends on no more than it promises."""

import pytest
import torch
from torch import nn

from afss_ros.distill import recipe as recipes
from afss_ros.distill.errors import DistillError
from afss_ros.distill.models import build, cost
from afss_ros.distill.models.flexible_unet import FlexibleUNet, filters, reach
from afss_ros.distill.recipe import StudentRecipe, UNetRecipe


def _unet(**options: object) -> UNetRecipe:
    return UNetRecipe(**options)  # type: ignore[arg-type]


def _convolutions(network: nn.Module) -> list[nn.Conv2d]:
    return [m for m in network.modules() if isinstance(m, nn.Conv2d)]


def test_it_is_a_student_like_any_other() -> None:
    student = StudentRecipe(name="unet-tiled", unet=_unet(base_filters=8, depth=3), craft_classes=("soho",))  # type: ignore[call-arg]
    found = build(student).eval()(torch.zeros(2, 3, 64, 96))
    assert found.logits.shape == (2, 4, 64, 96)
    assert found.boxes.corners.shape == (2, 8 * 12 + 4 * 6 + 2 * 3, 4)
    assert found.craft.shape == (2, 1)


def test_filters_double_up_to_the_largest() -> None:
    assert filters(_unet(base_filters=8, depth=4, max_filters=40)) == [8, 16, 32, 40, 40]


def test_kernels_and_dilations_go_by_level() -> None:
    options = _unet(base_filters=4, depth=2, layers=3, first_kernel=11, kernels=(5, 3), dilation=(1, 2, 4))
    network = FlexibleUNet(options, 4)
    down = [[(c.kernel_size[0], c.dilation[0]) for c in _convolutions(level)] for level in network.encoder.levels]
    up = [[(c.kernel_size[0], c.dilation[0]) for c in _convolutions(level)] for level in network.decoder.levels]
    assert down == [[(11, 1), (5, 1), (5, 1)], [(3, 2)] * 3, [(3, 4)] * 3]
    assert up == [[(5, 1)] * 3, [(3, 2)] * 3]


def test_dropout_closes_every_block_or_none() -> None:
    def drops(network: nn.Module) -> list[float]:
        return [m.p for m in network.modules() if isinstance(m, nn.Dropout2d)]

    assert drops(FlexibleUNet(_unet(depth=2, dropout=0.25), 4)) == [0.25] * 5
    assert drops(FlexibleUNet(_unet(depth=2), 4)) == []


def test_twice_the_filters_cost_four_times_as_much() -> None:
    small, large = (cost(FlexibleUNet(_unet(base_filters=n), 4), 64).gmacs for n in (16, 32))
    assert large / small == pytest.approx(4, rel=0.15)


@pytest.mark.parametrize(
    "options",
    [
        _unet(base_filters=4, depth=1, layers=1, first_kernel=3),
        _unet(base_filters=4, depth=2, layers=2, first_kernel=9, kernels=(3, 5)),
        _unet(base_filters=4, depth=2, layers=1, first_kernel=5, kernels=(3,), dilation=(2, 3)),
    ],
)
def test_a_pixel_depends_on_nothing_beyond_its_reach(options: UNetRecipe) -> None:
    torch.manual_seed(0)
    network = FlexibleUNet(options, 4).eval()
    image = torch.randn(1, 3, 192, 192, requires_grad=True)
    network(image)[0, :, 96, 97].sum().backward()
    assert image.grad is not None
    ys, xs = image.grad[0].abs().sum(0).nonzero(as_tuple=True)
    seen = max(96 - int(ys.min()), int(ys.max()) - 96, 97 - int(xs.min()), int(xs.max()) - 97)
    assert seen <= reach(options)
    assert seen >= 0.5 * reach(options)  # a bound that says something


@pytest.mark.parametrize(
    ("student", "match"),
    [
        ({"name": "unet-tiled", "unet": {"kernels": [4]}}, r"odd.*\[4\]"),
        ({"name": "unet-tiled", "unet": {"first_kernel": 8}}, r"odd.*\[8\]"),
        ({"name": "unet-tiled", "unet": {"depth": 2, "kernels": [3, 3, 3, 3]}}, "4 values for 3 levels"),
        ({"name": "unet-tiled", "unet": {"dilation": [0]}}, "1 or more"),
        ({"name": "unet-tiled", "unet": {"base_filters": 64, "max_filters": 32}}, "less than base_filters"),
        ({"name": "unet-tiled", "unet": {"filters": 3}}, r"student\.unet\.filters: not a key; known are base_filters"),
        ({"name": "fpn-mit-b0", "unet": {"depth": 2}}, "not of fpn-mit-b0"),
        ({"name": "unet-tiled", "encoder_weights": "imagenet"}, "no pretrained encoder"),
    ],
)
def test_dimensions_that_make_no_network_are_refused(student: dict[str, object], match: str) -> None:
    with pytest.raises(DistillError, match=match):
        recipes.parse({"data": {"train": ["x"]}, "student": student})
