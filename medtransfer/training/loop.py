"""Everything a step touches, and how it is put together: device, arithmetic, optimiser, orders."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from medtransfer.core.config.plan import Plan
from medtransfer.core.errors import ConfigError
from medtransfer.core.types import CaseWeights, ClassOffsets
from medtransfer.data.bags import Indices
from medtransfer.data.dataset import StudySet
from medtransfer.data.order import Order
from medtransfer.data.targets import labelled
from medtransfer.models.classifier import Classifier
from medtransfer.training.checkpoint import LoopState
from medtransfer.training.optimiser import build_optimiser
from medtransfer.training.policy import Policy
from medtransfer.training.precision import choose_arithmetic
from medtransfer.training.weighting import Weighting
from medtransfer.transfer.averaging._contract import Averaging
from medtransfer.transfer.objective import Objective
from medtransfer.transfer.types import Progress

_LABELLED, _SOURCE, _UNLABELLED = 1, 2, 1 << 16
"""Salts of the domains' orders; the j-th source has 2 + j."""


@dataclass(frozen=True, kw_only=True)
class FitData:
    """Prepared cases of every part of a fit.

    Attributes:
        target: Training cases; those without a label take part in feature terms alone.
        validation: Where there is a validation split.
        sources: By name.
        source_weights: Weights of a source's cases, global mean 1, by its name.
        weighting: Computes them again during the run.
        target_sampling: Draw labelled target cases in proportion to these (balanced sampling).
        source_sampling: The same for sources, by name.
        log_offset: How much too large the logit of each class comes out under the imbalance settings; None: not at all.
    """

    target: StudySet
    validation: StudySet | None = None
    sources: Mapping[str, StudySet] = field(default_factory=dict)
    source_weights: Mapping[str, CaseWeights] = field(default_factory=dict)
    weighting: Weighting | None = None
    target_sampling: CaseWeights | None = None
    source_sampling: Mapping[str, CaseWeights] = field(default_factory=dict)
    log_offset: ClassOffsets | None = None


@dataclass(kw_only=True)
class Loop:
    """Everything a step touches.

    Attributes:
        forward: The model inside Fabric, which casts to the chosen precision.
        averaging: Gathers an average of the weights; None: the last ones are kept.
        labelled: Which target cases have a label.
        unlabelled: Which have none.
        steps: Planned for the whole run.
        steps_per_epoch: An epoch passes over the labelled target, or over the largest source where λ = 0.
        source_weights: Instance weights as they are now, by source.
        rates: What the policy said at the last step.
    """

    fabric: Fabric
    model: Classifier
    forward: torch.nn.Module
    objective: Objective
    policy: Policy
    averaging: Averaging | None
    optimiser: torch.optim.Optimizer
    data: FitData
    plan: Plan
    labelled: Indices
    unlabelled: Indices
    target_order: Order
    unlabelled_order: Order | None
    source_orders: dict[str, Order]
    steps: int
    steps_per_epoch: int
    source_weights: dict[str, CaseWeights]
    rates: dict[str, float] = field(default_factory=dict)
    swept_rate: float | None = None
    """A learning rate that holds instead of the schedule's, with everything moving that moves at the run's end."""

    def progress(self, step: int) -> Progress:
        """How far the run is before a step."""
        return Progress(step / self.steps_per_epoch, self.steps / self.steps_per_epoch)

    def target_cases(self, step: int) -> tuple[Indices, int]:
        """Target cases of a step, labelled ones first, and the epoch they belong to."""
        chosen, epoch = self.target_order.at(step)
        cases = self.labelled[chosen]
        if self.unlabelled_order is None:
            return cases, epoch
        return np.concatenate([cases, self.unlabelled[self.unlabelled_order.at(step)[0]]]), epoch

    def trained(self) -> dict[str, nn.Module]:
        """Everything whose state an interrupted run must find again."""
        averaging = {} if self.averaging is None else {"averaging": self.averaging}
        return {"model": self.model, "objective": self.objective, **averaging}

    def kept(self) -> dict[str, Tensor]:
        """The weights that would be kept if the run ended now: their average where one is gathered."""
        return self.model.state_dict() if self.averaging is None else self.averaging.average(self.model)

    @contextmanager
    def as_kept(self, kept: Mapping[str, Tensor]) -> Iterator[None]:
        """The network has these weights inside, and its own again afterwards."""
        if self.averaging is None:
            yield
            return
        own = {key: value.detach().clone() for key, value in self.model.state_dict().items()}
        self.model.load_state_dict(dict(kept))
        try:
            yield
        finally:
            self.model.load_state_dict(own)

    def set_source_weights(self, weights: Mapping[str, CaseWeights]) -> None:
        """Let these instance weights hold from now on; orders that draw by them are made anew."""
        self.source_weights = dict(weights)
        if self.source_orders and self.plan.objective.instances_by == "sampling":
            self.source_orders = source_orders(self.data, self.plan, weights)


def prepare_loop(
    model: Classifier,
    objective: Objective,
    data: FitData,
    plan: Plan,
    state: LoopState | None,
    *,
    averaging: Averaging | None = None,
) -> tuple[Loop, LoopState]:
    """Device, arithmetic, optimiser and orders; the arithmetic of a resumed run is the interrupted one's."""
    config, device = plan.training, training_device(plan.training.device)
    if state is None:
        batch, labels = data.target.batch(labelled(data.target.labels)[: config.batch_size])
        arithmetic = choose_arithmetic(model, batch, labels, config, device)
        state = LoopState(plan_sha256=plan.digest(), arithmetic=arithmetic)
    state.arithmetic.place(model)
    precision = "bf16-mixed" if state.arithmetic.precision == "bf16" else "32-true"
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it announces the precision, which is ours to say
    fabric = Fabric(accelerator=device.type, devices=1, precision=precision)
    objective.to(device)
    optimiser = build_optimiser(model, objective, config)
    forward = fabric.setup_module(model)
    known = labelled(data.target.labels)
    unknown = np.setdiff1d(np.arange(len(data.target)), known)
    target = Order(
        len(known), batch_size=config.batch_size, seed=plan.seed, salt=_LABELLED, weights=data.target_sampling
    )
    beside = None
    if len(unknown) and objective.aligns:  # nothing else looks at them in a step
        beside = Order(len(unknown), batch_size=config.batch_size, seed=plan.seed, salt=_UNLABELLED)
    sources = source_orders(data, plan, data.source_weights) if objective.needs_source else {}
    per_epoch = target.steps_per_epoch
    if objective.trade_off.end == 0 and sources:
        per_epoch = max(order.steps_per_epoch for order in sources.values())
    loop = Loop(
        fabric=fabric,
        model=model,
        forward=forward,
        objective=objective,
        policy=Policy(plan.policy),
        averaging=None if averaging is None else averaging.to(device),
        optimiser=optimiser,
        data=data,
        plan=plan,
        labelled=known,
        unlabelled=unknown,
        target_order=target,
        unlabelled_order=beside,
        source_orders=sources,
        steps=planned_epochs(plan, per_epoch) * per_epoch,
        steps_per_epoch=per_epoch,
        source_weights=dict(data.source_weights),
    )
    return loop, state


def planned_epochs(plan: Plan, steps_per_epoch: int) -> int:
    """Small cohorts take more epochs, until the least number of steps is reached."""
    return max(plan.training.epochs, math.ceil(plan.training.min_steps / steps_per_epoch))


def source_orders(data: FitData, plan: Plan, weights: Mapping[str, CaseWeights]) -> dict[str, Order]:
    """The order in which each source's cases come."""
    by_weight = weights if plan.objective.instances_by == "sampling" else data.source_sampling
    return {
        name: Order(
            len(studies),
            batch_size=plan.training.batch_size,
            seed=plan.seed,
            salt=_SOURCE + number,
            weights=by_weight.get(name),
        )
        for number, (name, studies) in enumerate(data.sources.items())
    }


def training_device(name: str) -> torch.device:
    """`auto` is a GPU where there is one.

    Raises:
        ConfigError: There is no such device here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ConfigError(
            f"'{name}' cannot be used here: {str(error).splitlines()[0]}",
            code="NoDevice",
            path="training.device",
            hint="Use auto or cpu; `medtransfer doctor` lists the devices.",
        ) from error
    return device
