"""Plain state dicts: the network's own names, as torchvision, timm and MONAI publish them and as imports are kept.

Names do not say what pictures the network has seen. ImageNet's mean and deviation are assumed, of one channel where the
first convolution has one; who knows better states it, who does not lets `medtransfer weights probe` find out.
"""

from __future__ import annotations

from medtransfer.models.weights.layouts._contract import Recognised, State
from medtransfer.models.weights.sidecar import GREY, InputSpec


def recognise(state: State) -> Recognised:
    """Any state dict: this layout is asked last."""
    first = next((tensor for tensor in state.values() if tensor.ndim >= 4), None)
    grey = first is not None and first.shape[1] == 1
    return Recognised(dict(state), backbone=None, input=GREY if grey else InputSpec(), source="assumed")
