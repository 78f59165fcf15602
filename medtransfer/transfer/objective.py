"""The objective L_S + λ·L_T + Ω as named terms.

    J = (L_S + λ·L_T + Σ_k ω_k·Ω_k) / (1 + λ),    L_S = Σ_j s_j·L_Sj,  Σ_j s_j = 1

The constant divisor lets the learning rate mean the same for every λ and leaves the minimiser where it is. λ = ∞
is target-only, J = L_T + Σ ω_k·Ω_k, and never touches the sources; λ = 0 is source-only. Without source data L_S is
replaced by an anchor in Ω, and λ and its strength are one degree of freedom: λ is then ∞.

λ and ω_k may change along the run: the target's share λ/(1+λ) along a line to its end, ω_k along a line from 0.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn

from medtransfer.data.tensors import Scalar, Weights
from medtransfer.models.watch import Watcher
from medtransfer.transfer.risk import Risk
from medtransfer.transfer.types import POOLED, Domain, Step, Term

SOURCE_LOSS = "L_S"
TARGET_LOSS = "L_T"


@dataclass(frozen=True)
class TermValue:
    """One term at one step: its unweighted value, and what it is multiplied by in J."""

    value: Scalar
    weight: float
    in_gradient: bool = True


@dataclass(frozen=True, kw_only=True)
class TradeOff:
    """λ along a run: `start` at first, `end` from the share `ramp` of the run on."""

    end: float
    start: float | None = None
    ramp: float = 0.5

    def target_share(self, share: float) -> float:
        """λ / (1 + λ) when a share of the run is done; 1 is target-only, 0 source-only."""
        end = _target_share(self.end)
        if self.start is None or share >= self.ramp:
            return end
        start = _target_share(self.start)
        return start + (end - start) * share / self.ramp


class Objective(nn.Module):
    """Named terms, summed in one visible place.

    Attributes:
        trade_off: λ.
        target_risk: L_T.
        source_risks: L_Sj of every source, by its name.
        shares: s_j of every source, by its name.
        features: Feature terms Ω_k, by the source they align with the target and their own name; each has parameters
            of its own for every source.
        parameter_terms: Parameter terms Ω_k, by name.
        strengths: ω_k by name.
        ramps: Share of the run over which ω_k rises, by name; not named: its full strength at once.
    """

    def __init__(
        self,
        *,
        trade_off: TradeOff,
        target_risk: Risk,
        source_risks: Mapping[str, Risk] | None = None,
        shares: Mapping[str, float] | None = None,
        features: Mapping[str, Mapping[str, nn.Module]] | None = None,
        parameter_terms: Mapping[str, Term] | None = None,
        strengths: Mapping[str, float] | None = None,
        ramps: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__()
        self.trade_off = trade_off
        self.target_risk = target_risk
        self.source_risks = dict(source_risks or {})
        given = dict(shares or {})
        everyone = sum(given.get(name, 1.0) for name in self.source_risks)
        self.shares = {name: given.get(name, 1.0) / everyone for name in self.source_risks}
        self.features = {source: dict(terms) for source, terms in (features or {}).items()}
        self.parameter_terms = dict(parameter_terms or {})
        # By number: a ModuleDict takes no names with dots (code of one's own), nor `train`, `items`, `type`, …
        self._registered = nn.ModuleList(
            [
                *self.source_risks.values(),
                *(module for terms in self.features.values() for module in terms.values()),
                *self.parameter_terms.values(),
            ]
        )
        self.strengths = dict(strengths or {})
        self.ramps = dict(ramps or {})

    @property
    def needs_source(self) -> bool:
        """Must a step bring a batch of every source?"""
        return not math.isinf(self.trade_off.end)

    @property
    def aligns(self) -> bool:
        """Is there any feature term, which cases without a label can take part in?"""
        return any(self.features.values())

    @property
    def needs_target(self) -> bool:
        """Must a step bring a target batch?"""
        return (
            self.trade_off.end > 0
            or bool(self.trade_off.start)
            or self.aligns
            or (any(term.needs_target for term in self.parameter_terms.values()))
        )

    @property
    def anchored(self) -> frozenset[str]:
        """Parameters that some term holds, so that weight decay must not."""
        return frozenset().union(*(term.anchored for term in self.parameter_terms.values()))

    @property
    def taps(self) -> tuple[str, ...]:
        """Stages whose outputs the feature terms want."""
        modules = (module for source in self.features for module in self._aligning(source).values())
        return tuple(sorted({getattr(module, "tap", POOLED) for module in modules} - {POOLED}))

    @property
    def watchers(self) -> dict[str, Watcher]:
        """Who looks on while the target is encoded (the first source where λ = 0), by the name of their term."""
        return {name: term.watcher for name, term in self.parameter_terms.items() if term.watcher is not None}

    def weight(self, name: str, *, share: float = 0.0) -> float:
        """What the term called `name` is multiplied by in J when a share of the run is done.

        Of a feature term, and of L_S, times the share of the source it is computed with.
        """
        target = self.trade_off.target_share(share)
        if name == TARGET_LOSS:
            return target
        if name == SOURCE_LOSS:
            return 1 - target
        ramp = self.ramps.get(name, 0.0)
        omega = self.strengths[name] * (min(1.0, share / ramp) if ramp > 0 else 1.0)
        return omega if target == 1 else omega * (1 - target)

    def forward(
        self,
        sources: Mapping[str, Domain],
        target: Domain | None,
        source_weights: Mapping[str, Weights] | None = None,
        *,
        share: float = 0.0,
    ) -> dict[str, TermValue]:
        """Every term at this step; `total` adds them up.

        Args:
            sources: Each source's part of the step, by name.
            target: The target's part.
            source_weights: Instance weights of the cases of a source's batch, by its name.
            share: How far the run has come, 0 to 1.
        """
        terms: dict[str, TermValue] = {}
        for name, source in sources.items():
            if source.labels is not None and self.needs_source:
                risk = self.source_risks[name](source.logits, source.labels, (source_weights or {}).get(name))
                terms[self._named(SOURCE_LOSS, name)] = self._shared(SOURCE_LOSS, name, risk, share)
        if target is not None and target.labels is not None and self.weight(TARGET_LOSS, share=share) > 0:
            risk = self.target_risk(target.logits, target.labels)
            terms[TARGET_LOSS] = TermValue(risk, self.weight(TARGET_LOSS, share=share))
        for name, source in sources.items():
            if target is not None:
                for term, module in self._aligning(name).items():
                    terms[self._named(term, name)] = self._shared(term, name, module(source, target), share)
        for name, term in self.parameter_terms.items():
            with torch.set_grad_enabled(not term.proximal and torch.is_grad_enabled()):
                value = term.loss(Step(name=name, target=target, sources=sources))
            terms[name] = TermValue(value, self.weight(name, share=share), in_gradient=not term.proximal)
        return terms

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the result should know of the terms."""
        return tuple(term.note for term in self.parameter_terms.values() if term.note)

    @property
    def proximal(self) -> tuple[str, ...]:
        """Terms that act after the optimiser's step instead of in its gradient."""
        return tuple(name for name, term in self.parameter_terms.items() if term.proximal)

    def post_step(
        self, optimiser: torch.optim.Optimizer, *, clipped: float = 1.0, share: float = 0.0, only: str | None = None
    ) -> None:
        """Let the proximal terms act after the optimiser's step.

        Args:
            optimiser: What has just made its step.
            clipped: What clipping left of the gradient; of the terms as much is left.
            share: How far the run has come, 0 to 1.
            only: One term alone.
        """
        for name in self.proximal if only is None else (only,):
            self.parameter_terms[name].post_step(optimiser, strength=self.weight(name, share=share) * clipped)

    def _aligning(self, source: str) -> dict[str, nn.Module]:
        """The feature terms of one source, by name."""
        return self.features.get(source, {})

    def _named(self, term: str, source: str) -> str:
        """What a term is called in the log: with its source where there are several."""
        return term if len(self.shares) <= 1 else f"{term}:{source}"

    def _shared(self, term: str, source: str, value: Scalar, share: float) -> TermValue:
        return TermValue(value, self.weight(term, share=share) * self.shares[source])


def total(terms: Mapping[str, TermValue]) -> Scalar:
    """J without its proximal terms: what is differentiated."""
    return torch.stack([term.weight * term.value for term in terms.values() if term.in_gradient]).sum()


def _target_share(trade_off: float) -> float:
    return 1.0 if math.isinf(trade_off) else trade_off / (1 + trade_off)
