"""What `predict` stores beside its table on request: `features.parquet`, one row a study that was read."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import pandas as pd
import pyarrow as pa
from pyarrow.parquet import ParquetWriter

from medtransfer.core.files import written_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

_GROUP: Final = 1024
"""Rows that are held, and that a group of the file has."""

_TYPES: Final = {
    "study_id": pa.large_string(),
    "embedding": pa.list_(pa.float32()),
    "thumbnail": pa.list_(pa.uint8()),
    "border": pa.list_(pa.uint8()),
}


def write_features(features: pd.DataFrame, path: Path) -> None:
    """Write features that are in memory, whole or not at all and for their owner alone.

    Raises:
        OutputError: The folder cannot be written to.
    """
    with written_whole(path, private=True) as temporary:
        features.to_parquet(temporary, index=False)


@contextmanager
def written_features(path: Path, columns: Sequence[str]) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """Give what takes rows (`FEATURE_COLUMNS`, or some of them); the file is there once the block is left in peace.

    Raises:
        OutputError: The folder cannot be written to.
    """
    schema = pa.schema([(name, _TYPES[name]) for name in columns])
    held: list[Mapping[str, Any]] = []
    with written_whole(path, private=True) as temporary, ParquetWriter(temporary, schema) as groups:

        def flush() -> None:
            if held:
                groups.write_table(pa.table({name: [row[name] for row in held] for name in columns}, schema=schema))
                held.clear()

        def take(row: Mapping[str, Any]) -> None:
            held.append(row)
            if len(held) >= _GROUP:
                flush()

        yield take
        flush()
