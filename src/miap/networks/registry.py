"""Networks by name. Adding one is adding a line to `FACTORIES`."""

from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from miap.errors import UsageError


def _monai(name: str, **fixed: Any) -> Callable[..., nn.Module]:
    def build(**options: Any) -> nn.Module:
        from monai.networks import nets

        network: nn.Module = getattr(nets, name)(**{**fixed, **options})
        return network

    return build


def _subpixel(**options: Any) -> nn.Module:
    from miap.networks.subpixel import SubpixelSegResNet

    return SubpixelSegResNet(**options)


FACTORIES: Mapping[str, Callable[..., nn.Module]] = {
    "segresnet": _monai("SegResNet", spatial_dims=3),
    "subpixel_segresnet": _subpixel,
    "dynunet": _monai("DynUNet", spatial_dims=3),
    "unetr": _monai("UNETR", spatial_dims=3),
    "swinunetr": _monai("SwinUNETR", spatial_dims=3),
}


def build_network(name: str, *, in_channels: int, out_channels: int, **options: Any) -> nn.Module:
    """A fresh network mapping (batch, in_channels, x, y, z) to logits (batch, out_channels, x, y, z).

    Args:
        name: A key of `FACTORIES`.
        in_channels: Channels of the prepared image.
        out_channels: One logit per label.
        options: Passed to the network's constructor.

    Raises:
        UsageError: The name is unknown or the options do not fit it.
    """
    if name not in FACTORIES:
        raise UsageError(f"There is no network named {name!r}.", remedy=f"Choose one of {', '.join(FACTORIES)}.")
    try:
        return FACTORIES[name](in_channels=in_channels, out_channels=out_channels, **options)
    except TypeError as error:
        raise UsageError(f"Network {name!r} does not take these options: {error}.") from error
