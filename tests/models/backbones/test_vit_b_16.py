"""Position embeddings on other grids: as timm places them, and unchanged on their own."""

from __future__ import annotations

import pytest
import torch

from medtransfer.core.errors import ConfigError
from medtransfer.core.torchvision_guard import import_torchvision
from medtransfer.models.backbones.vit_b_16 import build, positions


def _embedding(side: int = 14, features: int = 6) -> torch.Tensor:
    return torch.randn(1, 1 + side * side, features, generator=torch.Generator().manual_seed(0))


def test_its_own_grid_is_left_as_it_is() -> None:
    embedding = _embedding()
    assert positions(embedding, 14, 14) is embedding


@pytest.mark.parametrize("grid", [(4, 4), (6, 9), (24, 24), (1, 14)])
def test_other_grids_are_as_timm_places_them(grid: tuple[int, int]) -> None:
    import_torchvision()
    layers = pytest.importorskip("timm.layers", reason="timm is not installed")
    expected = layers.resample_abs_pos_embed(_embedding(), list(grid))
    torch.testing.assert_close(positions(_embedding(), *grid), expected, rtol=0, atol=0)


def test_a_constant_embedding_stays_constant_and_the_class_token_keeps_its_own() -> None:
    embedding = torch.cat([torch.full((1, 1, 3), 7.0), torch.ones(1, 49, 3)], dim=1)
    placed = positions(embedding, 3, 5)
    assert placed.shape == (1, 16, 3)
    torch.testing.assert_close(placed[:, 1:], torch.ones(1, 15, 3))
    assert torch.equal(placed[:, :1], embedding[:, :1])


def test_rows_and_columns_are_not_exchanged() -> None:
    """A ramp down the rows stays a ramp down the rows, on a grid that is wider than high."""
    ramp = torch.arange(8.0).view(8, 1).expand(8, 8).reshape(1, 64, 1)
    placed = positions(torch.cat([torch.zeros(1, 1, 1), ramp], dim=1), 4, 12)[0, 1:, 0].view(4, 12)
    assert torch.allclose(placed, placed[:, :1], atol=1e-5)
    assert (placed.diff(dim=0) > 0).all()


def test_what_would_cut_a_patch_is_refused() -> None:
    with torch.device("meta"):
        backbone = build().eval()
        assert backbone(torch.empty(1, 3, 96, 128)).shape == (1, 768)
        with pytest.raises(ConfigError, match="multiples of 16, not 100 × 100") as caught:
            backbone(torch.empty(1, 3, 100, 100))
    assert "preprocess.size=96" in (caught.value.hint or "")
