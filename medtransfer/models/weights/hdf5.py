"""Keras' HDF5 files taken apart, in a process that may die of it: the HDF5 library was not written for hostile files.

    /model_weights (or the root)    attribute layer_names: names of groups
      /LAYER                        attribute weight_names: paths of data sets below, LAYER/VARIABLE:0

Only these attributes and plain arrays of numbers are read: `model_config`, which describes layers and may hold code,
is not looked at, and links that leave the place they stand in are not followed.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from medtransfer.core.errors import ReadError
from medtransfer.data.foreign import FOREIGN

if TYPE_CHECKING:
    import h5py

MOST_NAMES = 10_000
"""Names of layers, or of the arrays of one layer; the networks that we know have some hundreds."""

_HARMLESS_FILTERS = {1, 2, 3}
"""Deflate, shuffle and checksum are part of the HDF5 library; others would be loaded from somewhere."""

_HARD_LINK = 0
"""H5L_TYPE_HARD."""

_ANOTHER = "Save it again with Keras: model.save('NAME.h5'), without layers that are no part of the network."


def read_part(part: dict[str, Any], room: memoryview, _given: memoryview, _notes: list[str]) -> dict[str, Any]:
    """Copy every array of a file into `room` as 32-bit numbers, one after the other.

    Args:
        part: `path`, the file.
        room: As large as all arrays may be.

    Returns:
        `arrays`: for each its layer, its variable (`kernel`, `gamma` …) and its shape, in the order in which they lie.

    Raises:
        ReadError: `BadWeights`: it cannot be read; `OtherLayout`; `ForeignLink`; `SizeLimit`.
    """
    import h5py

    try:
        with h5py.File(part["path"], "r", locking=False) as file:
            return {"arrays": list(_copied(_weights(file), room))}
    except FOREIGN as error:
        raise _refused(f"cannot be read as HDF5 ({type(error).__name__})", "BadWeights") from error


def _copied(weights: h5py.Group, room: memoryview) -> Iterator[list[Any]]:
    used = 0
    for layer_name in _names(weights, "layer_names"):
        layer = _inside(weights, layer_name)
        for weight_name in _names(layer, "weight_names"):
            dataset = _inside(layer, weight_name)
            size = _plain_size(dataset, weight_name, left=len(room) - used)
            target = np.frombuffer(room, dtype=np.float32, count=size // 4, offset=used)
            target[:] = np.ravel(dataset[()])
            used += size
            name, _, variable = weight_name.rpartition("/")
            yield [name or layer_name, variable.partition(":")[0], list(dataset.shape)]


def _weights(file: h5py.Group) -> h5py.Group:
    """The group that holds the layers."""
    for group in (_inside(file, "model_weights") if file.id.links.exists(b"model_weights") else file, file):
        if "layer_names" in group.attrs or "layer_names0" in group.attrs:
            return group
    if file.id.links.exists(b"layers"):
        raise _refused("holds the arrays without their layers' names, as Keras 3's `.weights.h5` does", "OtherLayout")
    raise _refused("names no layers, so it holds no weights of Keras'", "OtherLayout")


def _names(group: h5py.Group, attribute: str) -> list[str]:
    """A list of names, which Keras cuts in several numbered attributes where it is long."""
    numbered = itertools.takewhile(group.attrs.__contains__, (f"{attribute}{i}" for i in itertools.count()))
    names: list[str] = []
    for piece in [attribute] if attribute in group.attrs else numbered:
        if math.prod(group.attrs.get_id(piece).shape) > MOST_NAMES - len(names):
            raise _refused(f"names more than {MOST_NAMES} of {attribute}", "SizeLimit")
        values = np.asarray(group.attrs[piece]).ravel().tolist()
        names += [value.decode() if isinstance(value, bytes) else str(value) for value in values]
    return names


def _inside(group: h5py.Group, path: str) -> Any:
    """A group or data set below a group, by hard links alone; `name in group` would follow the others."""
    import h5py

    found: Any = group
    for name in path.split("/"):
        link = name.encode()
        if not isinstance(found, h5py.Group) or not found.id.links.exists(link):
            raise _refused(f"names {path}, which is not there", "BadWeights")
        if found.id.links.get_info(link).type != _HARD_LINK:
            raise _refused(f"{path} is a link to another place", "ForeignLink")
        found = found[name]
    return found


def _plain_size(dataset: Any, name: str, *, left: int) -> int:
    """Bytes of an array as 32-bit numbers, once it is known to be plain, in this file, and not too large."""
    import h5py

    if not isinstance(dataset, h5py.Dataset) or dataset.dtype.kind != "f" or dataset.shape is None:
        raise _refused(f"{name} is no array of floating-point numbers", "BadWeights")
    if dataset.is_virtual or dataset.external:
        raise _refused(f"{name} lies in another file", "ForeignLink")
    properties = dataset.id.get_create_plist()
    filters = {properties.get_filter(index)[0] for index in range(properties.get_nfilters())}
    if not filters <= _HARMLESS_FILTERS:
        raise _refused(f"{name} is packed with filter {max(filters)}, which is no part of HDF5", "BadWeights")
    size = math.prod(dataset.shape) * 4
    if size > left or math.prod(dataset.chunks or (1,)) * 4 > max(left, 4):
        raise _refused(f"{name} has shape {list(dataset.shape)}, more than any network that we know", "SizeLimit")
    return size


def _refused(message: str, code: str) -> ReadError:
    return ReadError(message, code=code, hint=_ANOTHER)
