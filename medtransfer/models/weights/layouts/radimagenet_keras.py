"""RadImageNet's Keras ResNet-50 as others have converted it: torchvision's names, but convolutions with biases.

Biases mark another architecture, `resnet50_keras`, not another naming: its stride stands in the first 1×1 convolution
of a stage, and ε is 1.001e-5. (The Keras DenseNet and Inception have no biases; they come as `.h5`, see `keras_h5`.)

The Keras scripts prepare pictures as ImageNet's Caffe models did, BGR minus the mean, and then divide by 255.

Reference: github.com/Warvito/radimagenet-models.
"""

from __future__ import annotations

from medtransfer.models.weights.layouts._contract import Recognised, State
from medtransfer.models.weights.sidecar import InputSpec

INPUT = InputSpec(mean=(0.4076, 0.4580, 0.4850), std=(1.0, 1.0, 1.0), colour="BGR")
"""103.939, 116.779 and 123.68 of 255, in the order blue, green, red."""


def recognise(state: State) -> Recognised | None:
    """The state dict as it is, if the convolutions of a ResNet's bottlenecks in it have biases."""
    if not {"conv1.bias", "layer1.0.conv1.bias", "layer1.0.conv3.bias"} <= state.keys():
        return None
    return Recognised(
        dict(state), backbone="resnet50_keras", input=INPUT, source="published", pretrained_on="RadImageNet"
    )
