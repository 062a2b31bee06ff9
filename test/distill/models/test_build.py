"""Every name builds the network that it promises."""

import pytest
import torch

from afss_ros.distill.errors import DistillError
from afss_ros.distill.models import build, cost
from afss_ros.distill.recipe import StudentRecipe


def _student(name: str, **options: object) -> StudentRecipe:
    return StudentRecipe(name=name, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "stride"),
    [("fpn-mobilenetv4", 4), ("segformer-mit-b0", 4), ("unet-mobilenetv4", 1), ("linknet-efficientnet-b0", 1)],
)
def test_logits_come_at_the_decoders_stride(name: str, stride: int) -> None:
    network = build(_student(name)).eval()
    with torch.inference_mode():
        found = network(torch.zeros(1, 3, 64, 96))
    assert found.logits.shape == (1, 4, 64 // stride, 96 // stride)
    cells = 8 * 12 + 4 * 6 + 2 * 3
    assert found.boxes.corners.shape == (1, cells, 4)
    assert found.boxes.quality.shape == (1, cells)
    assert found.boxes.grids == ((8, 12), (4, 6), (2, 3))
    assert found.craft is None


def test_heads_can_be_left_out_and_added() -> None:
    network = build(_student("fpn-mobilenetv4", box_head=False, craft_classes=("cheops", "soho"))).eval()
    with torch.inference_mode():
        found = network(torch.zeros(2, 3, 64, 64))
    assert found.boxes is None
    assert found.craft.shape == (2, 2)


@pytest.mark.parametrize("name", ["fpn-mobilenetv9", "mobilenetv4", "yolo-mit-b0"])
def test_an_unknown_name_lists_the_known_ones(name: str) -> None:
    with pytest.raises(DistillError, match=r"unknown.*fpn.*segformer.*mobilenetv4.*mit-b0"):
        build(_student(name))


def test_a_pair_that_the_library_refuses_says_why() -> None:
    with pytest.raises(DistillError, match="cannot be built"):
        build(_student("fpn-mobilenetv4", decoder={"no_such_option": 1}))


def test_cost_of_one_convolution_by_hand() -> None:
    network = torch.nn.Conv2d(3, 5, 3, padding=1, bias=False)
    counted = cost(network, 32)
    assert counted.params_m * 1e6 == pytest.approx(3 * 5 * 9)
    assert counted.gmacs * 1e9 == pytest.approx(3 * 5 * 9 * 32 * 32)


def test_the_shipped_family_keeps_the_size_that_was_asked_for() -> None:
    counted = cost(build(_student("fpn-mobilenetv4")), 512)
    assert counted.params_m <= 3.5
    assert counted.gmacs <= 4.5
