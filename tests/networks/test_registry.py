"""Networks by name: right shapes, clear refusals, and sub-pixel folding that loses no voxel."""

import pytest
import torch

from miap.errors import UsageError
from miap.networks.registry import build_network
from miap.networks.subpixel import SubpixelSegResNet

SMALL = {"init_filters": 8, "blocks_down": [1, 1], "blocks_up": [1]}


@pytest.mark.req("REQ-F-001")
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("segresnet", SMALL),
        ("subpixel_segresnet", {**SMALL, "stride": [2, 2, 1]}),
        (
            "dynunet",
            {"kernel_size": [3] * 3, "strides": [1, 2, 2], "upsample_kernel_size": [2, 2], "filters": [8, 16, 32]},
        ),
        ("unetr", {"img_size": [32, 32, 32], "hidden_size": 48, "mlp_dim": 64, "num_heads": 4, "feature_size": 8}),
        ("swinunetr", {"feature_size": 12}),
    ],
)
def test_every_network_maps_channels_to_labels_on_the_same_grid(name: str, options: dict[str, object]) -> None:
    side = 64 if name == "swinunetr" else 32  # the deepest level of SwinUNETR has a 32nd of each side
    network = build_network(name, in_channels=2, out_channels=3, **options).eval()
    with torch.inference_mode():
        assert network(torch.zeros(1, 2, side, side, side)).shape == (1, 3, side, side, side)


def test_an_unknown_network_or_option_is_refused_with_what_there_is() -> None:
    with pytest.raises(UsageError, match="no network named 'unet'") as refused:
        build_network("unet", in_channels=1, out_channels=1)
    assert "segresnet" in refused.value.remedy
    with pytest.raises(UsageError, match="does not take these options"):
        build_network("segresnet", in_channels=1, out_channels=1, depth=3)


def test_folding_and_unfolding_put_every_voxel_back() -> None:
    network = SubpixelSegResNet(2, 2, stride=(2, 2, 1), **SMALL)
    image = torch.randn(1, 2, 8, 4, 3)
    folded = network.fold(image)
    assert folded.shape == (1, 8, 4, 2, 3)
    assert torch.equal(network.unfold(folded), image)
    assert torch.equal(folded[0, 0], image[0, 0, ::2, ::2])
