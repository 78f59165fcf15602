"""A soup is the mean over the ends of the last epochs, and over nothing else."""

from __future__ import annotations

import pytest
import torch

from medtransfer.transfer.averaging import soup
from medtransfer.transfer.types import Progress

STEPS = 7
"""An epoch; k / 7 is no binary fraction."""


def run(network, move, *, share: float, epochs: int, last: int | None = None):
    """The network, its average, and its weights at the end of every epoch."""
    model, ends = network(), []
    averaging = soup.build(model, None, share=share)
    for step in range(STEPS * (last or epochs)):
        move(model, step)
        averaging.after_step(model, Progress((step + 1) / STEPS, epochs))
        if (step + 1) % STEPS == 0:
            ends.append({name: value.clone() for name, value in model.state_dict().items()})
    return model, averaging, ends


@pytest.mark.parametrize(
    ("share", "epochs", "count"),
    [(0.25, 8, 2), (0.1, 30, 3), (0.3, 10, 3), (0.5, 5, 3), (0.01, 4, 1), (1.0, 4, 4), (0.25, 1, 1)],
)
def test_it_is_the_mean_over_the_last_epochs(network, move, share: float, epochs: int, count: int) -> None:
    model, averaging, ends = run(network, move, share=share, epochs=epochs)
    for name, value in averaging.average(model).items():
        if value.is_floating_point():
            expected = torch.stack([end[name].double() for end in ends[-count:]]).mean(dim=0)
            torch.testing.assert_close(value.double(), expected, rtol=1e-5, atol=1e-6)


def test_a_soup_of_one_epoch_is_that_epoch_bit_for_bit(network, move) -> None:
    model, averaging, ends = run(network, move, share=0.25, epochs=4)
    move(model, 1000)  # after its end
    found = averaging.average(model)
    for name, value in ends[-1].items():
        if value.is_floating_point():
            assert found[name].numpy().tobytes() == value.numpy().tobytes()


@pytest.mark.parametrize("last", [1, 6])
def test_before_the_last_epochs_it_is_the_network_itself(network, move, last: int) -> None:
    model, averaging, _ = run(network, move, share=0.25, epochs=8, last=last)
    for name, value in averaging.average(model).items():
        assert torch.equal(value, model.state_dict()[name])
