"""Names of students and what they stand for: two plain tables, every pair of which is a network.

Encoders come from timm and segmentation_models_pytorch. `encoder_weights="imagenet"` loads their pretrained weights
where there is a network to load them from; without one, every student starts from noise.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import segmentation_models_pytorch as smp

from afss_ros.distill.errors import DistillError
from afss_ros.distill.models.network import Network
from afss_ros.distill.recipe import StudentRecipe

CLASSES = 4
"""Label ids that a student predicts: background, body, panel, antenna."""


@dataclass(frozen=True)
class Decoder:
    """A decoder of segmentation_models_pytorch: class name, stride of its output, options."""

    architecture: str
    stride: int
    options: dict[str, Any] = field(default_factory=dict)


DECODERS: dict[str, Decoder] = {
    "fpn": Decoder(
        "FPN", 4, {"decoder_pyramid_channels": 96, "decoder_segmentation_channels": 64, "decoder_dropout": 0.0}
    ),
    "segformer": Decoder("Segformer", 4, {"decoder_segmentation_channels": 128}),
    "deeplabv3plus": Decoder("DeepLabV3Plus", 4, {"decoder_channels": 96}),
    "unet": Decoder("Unet", 1, {"encoder_depth": 4, "decoder_channels": (96, 48, 24, 16)}),
    "linknet": Decoder("Linknet", 1, {}),
}


@dataclass(frozen=True)
class Encoder:
    """An encoder of segmentation_models_pytorch; a `tu-` name is timm's, with timm's options."""

    name: str
    options: dict[str, Any] = field(default_factory=dict)


ENCODERS: dict[str, Encoder] = {
    "mobilenetv4": Encoder("tu-mobilenetv4_conv_small"),
    "mobilenetv4-050": Encoder("tu-mobilenetv4_conv_small_050"),
    "mobilenetv4-medium": Encoder("tu-mobilenetv4_conv_medium"),
    "mobilenetv3": Encoder("tu-mobilenetv3_large_100"),
    "efficientnet-b0": Encoder("efficientnet-b0"),
    "mit-b0": Encoder("mit_b0"),
    "mobileone-s0": Encoder("mobileone_s0"),
    "resnet18": Encoder("resnet18"),
    # Plain 3x3 convolutions, narrow: on a CPU they train and run faster per multiplication than depthwise ones.
    "resnet-thin": Encoder(
        "tu-resnet18",
        {"channels": (32, 64, 128, 208), "layers": (1, 1, 2, 2), "stem_width": 24, "stem_type": "deep"},
    ),
    "regnety-002": Encoder("tu-regnety_002"),
}


def known_students() -> list[str]:
    """Every name that `build` can be asked for; some pairs are refused by the library, with its reason."""
    return [f"{d}-{e}" for d in DECODERS for e in ENCODERS]


def build(recipe: StudentRecipe) -> Network:
    """Build the network that a recipe names, with random weights unless it asks for pretrained ones.

    Raises:
        DistillError: the name is unknown, the options do not fit, or the weights cannot be loaded.
    """
    decoder_name, _, encoder_name = recipe.name.partition("-")
    if decoder_name not in DECODERS or encoder_name not in ENCODERS:
        raise DistillError(
            f"student {recipe.name!r} is unknown; a name is <decoder>-<encoder> with decoders"
            f" {', '.join(DECODERS)} and encoders {', '.join(ENCODERS)}"
        )
    decoder = DECODERS[decoder_name]
    encoder = ENCODERS[encoder_name]
    options = {**decoder.options, **encoder.options, **recipe.decoder}
    if decoder.stride == 4:
        options["upsampling"] = 1
    try:
        body = getattr(smp, decoder.architecture)(
            encoder.name, encoder_weights=recipe.encoder_weights, classes=CLASSES, **options
        )
    except Exception as err:
        raise DistillError(f"student {recipe.name!r} with {options} cannot be built: {err}") from err
    stride = decoder.stride
    return Network(body, stride, box_head=recipe.box_head, craft_classes=len(recipe.craft_classes))
