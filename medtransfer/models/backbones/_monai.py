"""MONAI's 3-D networks, opened up into a `Backbone`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from medtransfer.core.errors import CatalogueError
from medtransfer.models.backbone import Backbone
from medtransfer.models.backbones._origin import origin

if TYPE_CHECKING:
    from types import ModuleType

STAGES = {
    "stem": ("conv1", "bn1", "act", "maxpool"),
    "layer1": ("layer1",),
    "layer2": ("layer2",),
    "layer3": ("layer3",),
    "layer4": ("layer4",),
}
SHORTCUTS = ("A", "B")
VolumeFeatures = Float[Tensor, "case _ _ _ _"]
"""`case channel slice row column`."""


class ZeroPaddedShortcut(nn.Module):
    """Shortcut A: every s-th voxel, and zeros in the channels that are new.

    MONAI computes the same, but without a gradient (as MedicalNet does), so that the stages before would learn through
    the convolutions alone; here the gradient passes.

    Reference: He, Zhang, Ren, Sun 2016, §3.3, option A.
    """

    def __init__(self, *, planes: int, stride: int) -> None:
        super().__init__()
        self.planes, self.stride = planes, stride

    def forward(self, volumes: VolumeFeatures) -> VolumeFeatures:
        """Every s-th slice, row and column, with `planes` channels."""
        step = self.stride
        thinned = volumes[:, :, ::step, ::step, ::step]
        return functional.pad(thinned, (0, 0, 0, 0, 0, 0, 0, self.planes - thinned.shape[1]))


def networks() -> ModuleType:
    """MONAI's networks.

    Raises:
        CatalogueError: MONAI is not installed.
    """
    return origin("monai", "monai.networks.nets")


def resnet(depth: int, *, in_channels: int, shortcut: str, feature_dim: int) -> Backbone:
    """A 3-D ResNet whose parameters are those of MedicalNet.

    The first convolution has stride 2, as MedicalNet's (MONAI's default is 1, with eight times the work). Layers 3 and
    4 halve the resolution, as MONAI's; MedicalNet, made for segmentation, keeps it there and dilates its kernels.

    Args:
        depth: 10, 18, 34 or 50.
        in_channels: 1 or 3.
        shortcut: `A` or `B`; only `B` has parameters, a convolution without bias and its normalisation.
        feature_dim: Length of a feature vector.

    Raises:
        CatalogueError: Another shortcut, or MONAI is not installed.

    Reference: Chen, Ma, Zheng 2019, Med3D: transfer learning for 3D medical image analysis.
    """
    if shortcut not in SHORTCUTS:
        raise CatalogueError(
            f"resnet{depth}_3d has no variant '{shortcut}'",
            code="UnknownEntry",
            hint=f"Its shortcuts are of type A or B: write resnet{depth}_3d/A or resnet{depth}_3d/B.",
        )
    net = getattr(networks(), f"resnet{depth}")(
        spatial_dims=3,
        n_input_channels=3,
        conv1_t_stride=2,
        feed_forward=False,
        shortcut_type=shortcut,
        bias_downsample=False,
    )
    for block in net.modules():
        if isinstance(found := getattr(block, "downsample", None), partial):
            block.downsample = ZeroPaddedShortcut(planes=found.keywords["planes"], stride=found.keywords["stride"])
    return Backbone(
        net,
        stages=STAGES,
        feature_dim=feature_dim,
        head_keys=("fc.", "conv_seg."),
        stem="conv1",
        in_channels=in_channels,
        dimensions=3,
    )
