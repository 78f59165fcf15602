"""Shards are disjoint and complete, and of whole batches."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medtransfer.core.errors import ConfigError
from medtransfer.prediction.shard import BATCH, WHOLE, Shard, shard_of


@given(studies=st.integers(0, 400), of=st.integers(1, 30))
def test_every_study_is_in_one_shard_and_in_the_batch_it_would_be_in_without(studies: int, of: int) -> None:
    shards = [Shard(number=number, of=of) for number in range(1, of + 1)]
    batches = [batch for shard in shards for batch in shard.batches(studies)]
    assert sorted(batches, key=lambda batch: batch.start) == list(WHOLE.batches(studies))
    assert sorted(study for batch in batches for study in batch) == list(range(studies))
    for shard in shards:
        assert {study for batch in shard.batches(studies) for study in batch} == set(filter(shard.has, range(studies)))
    assert all(len(batch) == BATCH for batch in WHOLE.batches(studies - studies % BATCH))


def test_a_shard_is_written_as_it_is_read() -> None:
    assert shard_of("2/8") == Shard(number=2, of=8)
    assert str(shard_of("2/8")) == "2/8"
    assert shard_of("1/1") == WHOLE


@pytest.mark.parametrize(
    "text", ["", "0/3", "4/3", "1/0", "1", "1/3/5", "-1/3", "1.0/3", " 1/3", "1/3\n", "¹/3", "a/b"]
)
def test_what_is_no_shard(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        shard_of(text)
    assert caught.value.code == "BadShard"
    assert caught.value.hint
