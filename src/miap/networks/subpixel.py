"""Sub-pixel networks: compute on a coarser grid, answer on the fine one."""

from typing import Any

import torch
from einops.layers.torch import Rearrange
from torch import nn


class SubpixelSegResNet(nn.Module):
    """A SegResNet between space-to-depth and depth-to-space (sub-pixel convolution, Shi et al., CVPR 2016).

    Thick slices have fine pixels: with ``stride=(2, 2, 1)`` the network works on nearly cubic voxels at a quarter of
    the cost, and no voxel of the input or of the output is lost.

    Args:
        in_channels: Channels of the image.
        out_channels: Labels.
        stride: Voxels along x, y and z folded into channels.
        options: Passed to MONAI's SegResNet.
    """

    def __init__(
        self, in_channels: int, out_channels: int, stride: tuple[int, int, int] = (2, 2, 1), **options: Any
    ) -> None:
        super().__init__()
        from monai.networks.nets import SegResNet

        a, b, c = stride
        folded = a * b * c
        self.fold = Rearrange("n c (x a) (y b) (z d) -> n (c a b d) x y z", a=a, b=b, d=c)
        self.network = SegResNet(in_channels=in_channels * folded, out_channels=out_channels * folded, **options)
        self.unfold = Rearrange("n (c a b d) x y z -> n c (x a) (y b) (z d)", a=a, b=b, d=c)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Image (batch, channel, x, y, z) to logits (batch, label, x, y, z)."""
        logits: torch.Tensor = self.unfold(self.network(self.fold(image)))
        return logits
