"""Padding that is written down gives the same maps as padding that is computed, and a graph that can be counted."""

from __future__ import annotations

import pytest
import timm
import torch
from timm.layers.conv2d_same import Conv2dSame
from torch import nn

from afss_ros.distill.models.padding import settle_padding


@pytest.mark.parametrize("size", [(96, 160), (32, 32), (224, 64)])
def test_the_maps_and_the_names_of_the_weights_stay(size: tuple[int, int]) -> None:
    encoder = timm.create_model("tf_efficientnet_lite0", features_only=True).eval()
    image = torch.randn(1, 3, *size)
    with torch.inference_mode():
        names, before = list(encoder.state_dict()), encoder(image)
        settle_padding(encoder)
        after = encoder(image)
    assert list(encoder.state_dict()) == names
    assert not any(isinstance(layer, Conv2dSame) for layer in encoder.modules())
    for one, other in zip(before, after, strict=True):
        assert torch.equal(one, other)


def test_a_layer_with_a_bias_and_a_wide_kernel_keeps_both() -> None:
    network = nn.Sequential(Conv2dSame(3, 4, 7, stride=2, bias=True)).eval()
    image = torch.randn(2, 3, 20, 12)
    with torch.inference_mode():
        before = network(image)
        settle_padding(network)
        assert torch.equal(network(image), before)
