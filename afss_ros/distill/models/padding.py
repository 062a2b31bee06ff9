"""TensorFlow's "same" padding with its amounts written down, so that a graph has static shapes."""

from __future__ import annotations

from timm.layers.conv2d_same import Conv2dSame
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name everybody knows it by


class EvenConv2d(nn.Conv2d):
    """A strided convolution that pads as TensorFlow does for inputs that the stride divides: more behind than before.

    timm computes the amounts from each input; traced, that becomes a Pad of unknown size, whose every follower then has
    an unknown shape, which TensorRT refuses and nobody can count.
    """

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's own name
        """Maps (B, C, H, W), H and W divisible by the stride, to (B, C', H / stride, W / stride)."""
        margins: list[int] = []
        for extent, stride in zip(reversed(self.kernel_size), reversed(self.stride), strict=True):
            total = max(extent - stride, 0)
            margins += [total // 2, total - total // 2]
        return F.conv2d(F.pad(input, margins), self.weight, self.bias, self.stride, 0, self.dilation, self.groups)


def settle_padding(network: nn.Module) -> None:
    """Replace timm's `Conv2dSame` inside `network` by `EvenConv2d`, weights and their names kept, in place."""
    for parent in list(network.modules()):
        for name, layer in list(parent.named_children()):
            if isinstance(layer, Conv2dSame) and layer.dilation == (1, 1):
                settled = EvenConv2d(
                    layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride,  # type: ignore[arg-type]
                    groups=layer.groups, bias=layer.bias is not None,
                )  # fmt: skip
                settled.weight, settled.bias = layer.weight, layer.bias
                setattr(parent, name, settled)
