"""RadImageNet's own PyTorch files: ResNet50.pt (318 tensors), DenseNet121.pt (725), InceptionV3.pt (564).

Its training code puts the children of torchvision's network, head left out, into one `nn.Sequential` that is called
`backbone`, so that a child's place stands where its name was: `backbone.0.weight` is `conv1.weight`. InceptionV3 was
built without the auxiliary head, which would stand between `Mixed_6e` and `Mixed_7a`.

The published preprocessing contradicts itself: the PyTorch notebook scales to [−1, 1], which is taken here, the Keras
scripts subtract ImageNet's means in BGR. `medtransfer weights probe` says which one fits a file.

Reference: Mei et al. 2022, RadImageNet; github.com/BMEII-AI/RadImageNet.
"""

from __future__ import annotations

import re

from medtransfer.models.weights.layouts._contract import Recognised, State
from medtransfer.models.weights.sidecar import InputSpec

RESNET = {0: "conv1", 1: "bn1", 4: "layer1", 5: "layer2", 6: "layer3", 7: "layer4"}
DENSENET = {0: "features"}
INCEPTION = {
    0: "Conv2d_1a_3x3", 1: "Conv2d_2a_3x3", 2: "Conv2d_2b_3x3", 4: "Conv2d_3b_1x1", 5: "Conv2d_4a_3x3",
    7: "Mixed_5b", 8: "Mixed_5c", 9: "Mixed_5d",
    10: "Mixed_6a", 11: "Mixed_6b", 12: "Mixed_6c", 13: "Mixed_6d", 14: "Mixed_6e",
    15: "Mixed_7a", 16: "Mixed_7b", 17: "Mixed_7c",
}  # fmt: skip
"""Place among the children of torchvision's network → name; children without tensors are left out."""

NETWORKS = {
    "backbone.0.weight": ("resnet50", RESNET),
    "backbone.0.conv0.weight": ("densenet121", DENSENET),
    "backbone.0.conv.weight": ("inception_v3", INCEPTION),
}
"""The first convolution's name tells which network it is."""

INPUT = InputSpec(range=(-1.0, 1.0), mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))

_KEY = re.compile(r"backbone\.(\d{1,2})\.(.+)")


def recognise(state: State) -> Recognised | None:
    """The state dict under torchvision's names, if it is one of RadImageNet's."""
    keys = {key: _KEY.fullmatch(key) for key in state}
    network = next((NETWORKS[key] for key in NETWORKS if key in state), None)
    if network is None or not all(keys.values()):
        return None
    backbone, children = network
    named = {}
    for key, match in keys.items():
        child = children.get(int(match[1])) if match else None
        named[f"{child}.{match[2]}" if child and match else key] = state[key]
    return Recognised(named, backbone=backbone, input=INPUT, source="published", pretrained_on="RadImageNet")
