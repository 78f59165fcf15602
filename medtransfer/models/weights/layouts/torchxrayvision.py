"""TorchXRayVision's DenseNet-121: torchvision's names, one input channel, 18 outputs.

It publishes whole pickled modules, which are never opened; what fits here is the `state_dict()` of one. Files of its
later versions also hold `op_threshs`, the thresholds of the outputs, which are no part of the network.

Pictures are chest radiographs scaled to [−1024, 1024].

Reference: Cohen et al. 2022, TorchXRayVision; github.com/mlmed/torchxrayvision.
"""

from __future__ import annotations

from medtransfer.models.weights.layouts._contract import Recognised, State, in_channels
from medtransfer.models.weights.sidecar import InputSpec

INPUT = InputSpec(channels=1, range=(-1024.0, 1024.0), mean=(0.0,), std=(1.0,))
OUTPUTS = 18
THRESHOLDS = "op_threshs"


def recognise(state: State) -> Recognised | None:
    """The state dict without thresholds, if it is a DenseNet for grey radiographs."""
    head = state.get("classifier.weight")
    outputs = 0 if head is None else head.shape[0]
    if in_channels(state, "features.conv0") != 1 or not (outputs == OUTPUTS or THRESHOLDS in state):
        return None
    kept = {key: tensor for key, tensor in state.items() if key != THRESHOLDS}
    return Recognised(
        kept,
        backbone="densenet121",
        input=INPUT,
        source="published",
        pretrained_on="chest radiographs (TorchXRayVision)",
        modalities=("CR", "DX"),
    )
