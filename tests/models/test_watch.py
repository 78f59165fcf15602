"""What watchers say of an item has one number a channel, wherever a network keeps its channels."""

from __future__ import annotations

import torch

from medtransfer.models.watch import StageMean


def mean_of(maps: torch.Tensor) -> torch.Tensor:
    return StageMean("stage")(torch.zeros(len(maps), 3, 8, 8), torch.zeros(len(maps), 5), {"stage": maps})


def test_a_stages_mean_is_that_of_every_channel_over_all_places() -> None:
    maps = torch.rand(2, 6, 4, 4)
    expected = maps.flatten(2).mean(dim=2)
    torch.testing.assert_close(mean_of(maps), expected)
    torch.testing.assert_close(mean_of(maps.permute(0, 2, 3, 1)), expected)  # Swin: item row column channel
    torch.testing.assert_close(mean_of(maps.flatten(2).transpose(1, 2)), expected)  # ViT: item token channel
    volumes = torch.rand(2, 6, 3, 4, 4)
    torch.testing.assert_close(mean_of(volumes), volumes.flatten(2).mean(dim=2))
    assert torch.equal(mean_of(expected), expected)
