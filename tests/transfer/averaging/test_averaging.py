"""Laws that every average of weights keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jaxtyping
import pytest
import torch
from safetensors.torch import load, save

from medtransfer.core.config.transfer import AVERAGING
from medtransfer.core.errors import ConfigError
from medtransfer.transfer.types import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor

    from medtransfer.models.classifier import Classifier
    from medtransfer.transfer.averaging._contract import Averaging

SETTINGS: dict[str, dict[str, Any]] = {"ema": {"decay": 0.9}, "soup": {"share": 0.7}, "wise_ft": {"coefficient": 0.3}}
EPOCHS, STEPS = 5, 3
"""Of a run: epochs, and steps an epoch."""

every_average = pytest.mark.parametrize("name", SETTINGS)


def built(name: str, model: Classifier, **settings: float) -> Averaging:
    start = {key: value.detach().clone() for key, value in model.named_parameters()}
    return AVERAGING.get(name)(model, start, **(settings or SETTINGS[name]))


def progress(done: int) -> Progress:
    return Progress(done / STEPS, EPOCHS)


def train(
    model: Classifier,
    averaging: Averaging | None,
    move: Callable[..., None],
    *,
    first: int = 0,
    last: int = EPOCHS * STEPS,
) -> None:
    """An epoch of the head alone, then everything but the stem."""
    for step in range(first, last):
        move(model, step, *(("head", "pooling") if step < STEPS else ("body", "head", "pooling")))
        if averaging is not None:
            averaging.after_step(model, progress(step + 1))


def same_bytes(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    return save(dict(one)) == save(dict(other))


def test_the_catalogue_is_covered() -> None:
    assert set(AVERAGING.names()) == set(SETTINGS)


@every_average
def test_it_is_a_whole_state_dict_that_the_network_takes(name: str, network, move) -> None:
    model = network()
    averaging = built(name, model)
    train(model, averaging, move)
    found, own = averaging.average(model), model.state_dict()
    assert list(found) == list(own)
    assert [(value.shape, value.dtype) for value in found.values()] == [(v.shape, v.dtype) for v in own.values()]
    assert any(not torch.equal(found[key], own[key]) for key in own), "it averages nothing"
    network().load_state_dict(found)


@every_average
def test_the_network_stays_as_it_is_and_the_average_is_a_copy(name: str, network, move) -> None:
    model, alone = network(), network()
    averaging = built(name, model)
    train(model, averaging, move)
    train(alone, None, move)
    assert same_bytes(model.state_dict(), alone.state_dict())
    before = {key: value.clone() for key, value in averaging.state_dict().items()}
    for value in averaging.average(model).values():
        value.zero_()
    assert same_bytes(averaging.state_dict(), before)
    assert same_bytes(model.state_dict(), alone.state_dict())


@every_average
def test_whole_numbers_are_taken_as_they_are(name: str, network, move) -> None:
    model = network()
    averaging = built(name, model)
    train(model, averaging, move)
    counts = {key: value for key, value in averaging.average(model).items() if key.endswith("num_batches_tracked")}
    assert sorted(int(value) for value in counts.values()) == [0, (EPOCHS - 1) * STEPS]


@every_average
def test_frozen_stages_keep_every_byte(name: str, network, move) -> None:
    model = network()
    averaging = built(name, model)
    train(model, averaging, move)
    found, start = averaging.average(model), network().state_dict()
    stem = [key for key in start if ".stem." in key]
    assert any((start[key] == 0).any() for key in stem), "−0 is among them"
    assert same_bytes({key: found[key] for key in stem}, {key: start[key] for key in stem})
    assert not same_bytes(found, start)


@every_average
@pytest.mark.parametrize("interrupted", [1, STEPS, 2 * STEPS + 1, 4 * STEPS])
def test_an_interrupted_run_ends_in_the_same_bits(name: str, network, move, interrupted: int) -> None:
    whole = network()
    averaging = built(name, whole)
    train(whole, averaging, move)
    first = network()
    begun = built(name, first)
    train(first, begun, move, last=interrupted)
    kept = load(save({f"averaging.{key}": value for key, value in begun.state_dict().items()}))
    second = network()
    resumed = built(name, second)  # as every resumed run: built at the start, then loaded
    second.load_state_dict(first.state_dict())
    resumed.load_state_dict({key.removeprefix("averaging."): value for key, value in kept.items()})
    train(second, resumed, move, first=interrupted)
    assert same_bytes(resumed.average(second), averaging.average(whole))
    assert same_bytes(resumed.state_dict(), averaging.state_dict())


@every_average
def test_it_has_buffers_alone_so_that_no_optimiser_moves_it(name: str, network) -> None:
    averaging = built(name, network())
    assert not list(averaging.parameters())
    assert {buffer.device.type for buffer in averaging.to("meta").buffers()} == {"meta"}


@pytest.mark.parametrize(
    ("name", "setting", "value"),
    [
        ("ema", "decay", 1.0),
        ("ema", "decay", -0.1),
        ("ema", "decay", float("nan")),
        ("ema", "decay", "0.9"),
        ("soup", "share", 0.0),
        ("soup", "share", 1.5),
        ("soup", "share", True),
        ("wise_ft", "coefficient", -0.5),
        ("wise_ft", "coefficient", float("inf")),
    ],
)
def test_unusable_settings_are_refused_by_name(
    name: str, setting: str, value: Any, network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the checks of tests, as users run it: a plan may hold values of any kind."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    with pytest.raises(ConfigError) as raised:
        built(name, network(), **{setting: value})
    assert raised.value.code == "BadValue"
    assert raised.value.path == f"averaging.settings.{setting}"
    assert repr(value) in str(raised.value)
