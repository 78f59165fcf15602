"""Numbers that are the same on every machine: elementary functions, random streams, a blur.

C libraries and SIMD kernels disagree in the last bit of exp, log, sin and cos, and sums may be taken
in any order. Here only operations occur that IEEE 754 rounds exactly (+ − × ÷ √ floor rint), integers
and sorting, always in a fixed order: equal arguments give equal bits on every machine and with
every numpy whose Philox counts the same.
"""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

_LN2 = 0.6931471805599453
_LN2_HIGH = 0.6931471803691238  # its first 32 bits, so that its product with an exponent is exact
_LN2_LOW = 1.9082149292705877e-10
_HALF_PI = (1.5707963267341256, 6.077100506303966e-11, 2.0222662487959506e-21)  # 33 bits each
_LARGEST_ANGLE = 1e6
_LARGEST_EXPONENT = 709.782712893384
_INVERTED_BELOW = 30.0  # Poisson means
_INVERSION_ENDS = 120  # counts; P(X > 120) < 1e-30 for means below 30


def exp(x: ArrayLike) -> Any:
    """The exponential function, relative error ≤ 1e-15.

        eˣ = 2ᵏ · eʳ,   k = rint(x / ln 2),   |r| ≤ ln 2 / 2;   eʳ by its Taylor series to r¹³

    Reference: Muller, Elementary Functions, 3rd ed. 2016, ch. 11 (range reduction in two parts).
    """
    given = np.asarray(x, dtype=np.float64)
    inside = np.where(np.isnan(given), 0.0, np.clip(given, -746.0, _LARGEST_EXPONENT))
    k = np.rint(inside / _LN2)
    r = (inside - k * _LN2_HIGH) - k * _LN2_LOW
    value = _horner(r, [1 / math.factorial(n) for n in range(14)])
    # In two steps, since 2ᵏ alone may be infinite or zero where the product is neither.
    half = np.floor(k / 2).astype(np.int64)
    value = value * _power_of_two(half) * _power_of_two(k.astype(np.int64) - half)
    value = np.where(given > _LARGEST_EXPONENT, np.inf, np.where(given < -746.0, 0.0, value))
    return np.where(np.isnan(given), np.nan, value)[()]


def log(x: ArrayLike) -> Any:
    """The natural logarithm, relative error ≤ 1e-15; −inf at 0, nan below.

        ln x = e · ln 2 + 2 artanh s,   x = 2ᵉ m,   √½ ≤ m < √2,   s = (m − 1) / (m + 1)

    Reference: Muller, Elementary Functions, 3rd ed. 2016, ch. 11.
    """
    given = np.asarray(x, dtype=np.float64)
    usable = np.where((given > 0) & np.isfinite(given), given, 1.0)
    tiny = usable < 2.0**-1022
    bits = np.asarray(usable * np.where(tiny, 2.0**54, 1.0)).view(np.int64)
    exponent = (bits >> 52) - 1023 - np.where(tiny, 54, 0)
    m = ((bits & ((1 << 52) - 1)) | (1023 << 52)).view(np.float64)
    large = m >= math.sqrt(2.0)
    m = np.where(large, m / 2, m)
    e = (exponent + large).astype(np.float64)
    s = (m - 1) / (m + 1)
    series = _horner(s * s, [2 / (2 * n + 1) for n in range(12)])
    value = e * _LN2_HIGH + (s * series + e * _LN2_LOW)
    value = np.where(given > 0, np.where(np.isposinf(given), np.inf, value), np.nan)
    return np.where(given == 0, -np.inf, value)[()]


def sin(x: ArrayLike) -> Any:
    """The sine of radians, relative error ≤ 1e-12 for |x| ≤ 1e6; ValueError beyond."""
    return _circular(x, quarter_turns=0)


def cos(x: ArrayLike) -> Any:
    """The cosine of radians, relative error ≤ 1e-12 for |x| ≤ 1e6; ValueError beyond."""
    return _circular(x, quarter_turns=1)


def power(x: ArrayLike, y: ArrayLike) -> Any:
    """Raises x to the power of y for x ≥ 0, relative error ≤ 1e-12; nan for x < 0."""
    base, exponent = np.broadcast_arrays(np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64))
    positive = np.where(base == 0, 1.0, base)
    at_zero = np.where(exponent > 0, 0.0, np.where(exponent == 0, 1.0, np.inf))
    return np.where(base == 0, at_zero, exp(exponent * log(positive)))[()]


def square(x: Any) -> Any:
    """Returns x · x, which is rounded exactly; `x ** 2` of a number is left to the C library's pow."""
    return x * x


def blur(image: ArrayLike, sigma: float | Sequence[float]) -> Floats:
    """Convolves with a Gaussian, axis by axis; edges are replicated.

    Args:
        image: Any number of axes.
        sigma: Standard deviation in samples, for all axes or for each; 0 leaves an axis as it is.

    Returns:
        The blurred image. Its sum is that of `image` where this is constant within 4 σ of its edges.
    """
    blurred = np.array(image, dtype=np.float64)
    widths = [float(sigma)] * blurred.ndim if isinstance(sigma, (int, float)) else list(sigma)
    for axis, width in enumerate(widths):
        if width > 0:
            blurred = np.moveaxis(_blur_first(np.moveaxis(blurred, axis, 0), width), 0, axis)
    return np.ascontiguousarray(blurred)


def shrink(image: ArrayLike, factors: Sequence[int]) -> Floats:
    """Means of blocks of `factors` samples; every axis must be a multiple of its factor."""
    small = np.asarray(image, dtype=np.float64)
    for axis, factor in enumerate(factors):
        first = np.moveaxis(small, axis, 0)
        total = first[0::factor].copy()
        for offset in range(1, factor):
            total += first[offset::factor]
        small = np.moveaxis(total / factor, 0, axis)
    return np.ascontiguousarray(small)


def resample(image: ArrayLike, shape: Sequence[int]) -> Floats:
    """Linear interpolation onto another grid over the same extent (cell centres; edges replicated)."""
    result = np.asarray(image, dtype=np.float64)
    for axis, count in enumerate(shape):
        first = np.moveaxis(result, axis, 0)
        last = first.shape[0] - 1
        place = np.clip((np.arange(count) + 0.5) * first.shape[0] / count - 0.5, 0, last)
        below = np.floor(place).astype(np.int64)
        share = (place - below).reshape(-1, *([1] * (first.ndim - 1)))
        mixed = first[below] * (1 - share) + first[np.minimum(below + 1, last)] * share
        result = np.moveaxis(mixed, 0, axis)
    return np.ascontiguousarray(result)


class Stream:
    """Random numbers that depend on nothing but the key.

    Streams of different keys are independent: the key's SHA-256 is the key of a Philox counter
    (Salmon et al. 2011). Only its raw 64-bit words are used, since numpy may change how its own
    distributions are drawn.
    """

    def __init__(self, *key: int | str) -> None:
        """Opens the stream of `key`; 1 and "1" are different keys."""
        self.key = key
        text = "\0".join(f"{type(part).__name__}:{part}" for part in key)
        digest = hashlib.sha256(text.encode()).digest()[:16]
        self._words = np.random.Philox(key=int.from_bytes(digest, "little"))

    def child(self, *key: int | str) -> Stream:
        """The stream of this key and `key`; independent of how much was drawn here."""
        return Stream(*self.key, *key)

    def uniform(self, low: ArrayLike = 0.0, high: ArrayLike = 1.0, size: int | tuple[int, ...] | None = None) -> Any:
        """Uniform in [low, high): multiples of 2⁻⁵³ of the interval."""
        low, high = np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)
        shape = _shape(size, low, high)
        return (low + (high - low) * self._unit(shape))[()]

    def normal(self, mean: ArrayLike = 0.0, sd: ArrayLike = 1.0, size: int | tuple[int, ...] | None = None) -> Any:
        """Normal numbers. Reference: Box and Muller 1958: √(−2 ln u) · (cos 2πv, sin 2πv)."""
        mean, sd = np.asarray(mean, dtype=np.float64), np.asarray(sd, dtype=np.float64)
        shape = _shape(size, mean, sd)
        count = math.prod(shape)
        pairs = (count + 1) // 2
        radius = np.sqrt(-2 * log(1 - self._unit((pairs,))))
        angle = 2 * math.pi * self._unit((pairs,))
        standard = np.concatenate([radius * cos(angle), radius * sin(angle)])[:count].reshape(shape)
        return (mean + sd * standard)[()]

    def integers(self, low: int, high: int, size: int | tuple[int, ...] | None = None) -> Any:
        """Integers from low to high − 1 (high − low far below 2⁵³)."""
        drawn = low + np.floor((high - low) * self._unit(_shape(size))).astype(np.int64)
        return int(drawn) if size is None else drawn

    def poisson(self, mean: ArrayLike) -> NDArray[np.int64]:
        """Poisson counts, each from two draws of its own, whatever its neighbours' means are.

            below 30: inversion;   from 30: rint(λ + s z + (z² − 1)/6 + (z − z³)/(72 s)),   s² = λ − 1/12

        The second is the Cornish–Fisher expansion with Sheppard's correction for the rounding;
        its mean is λ and its variance λ + 0.002/λ. Reference: Abramowitz and Stegun 26.2.49.
        """
        mean = np.asarray(mean, dtype=np.float64)
        z, u = self.normal(size=mean.shape), self._unit(mean.shape)
        s = np.sqrt(np.maximum(mean, _INVERTED_BELOW) - 1 / 12)
        counts = np.asarray(np.rint(mean + s * z + (z * z - 1) / 6 + (z - z * z * z) / (72 * s)).astype(np.int64))
        low = np.asarray(mean < _INVERTED_BELOW)
        counts[low] = _invert_poisson(mean[low], np.asarray(u)[low])
        return counts

    def choice(self, items: Sequence[Any], p: Sequence[float] | None = None) -> Any:
        """One of `items`, with the probabilities `p` where given."""
        if p is None:
            return items[self.integers(0, len(items))]
        left = self.uniform() * math.fsum(p)
        for item, share in zip(items, p, strict=True):
            left -= share
            if left < 0:
                return item
        return items[max(place for place, share in enumerate(p) if share > 0)]

    def permutation(self, n: int) -> NDArray[np.int64]:
        """The numbers 0 to n − 1 in random order."""
        return np.argsort(self._words.random_raw(n), kind="stable")

    def _unit(self, shape: tuple[int, ...]) -> Floats:
        """53-bit uniforms in [0, 1)."""
        words = self._words.random_raw(math.prod(shape)) >> np.uint64(11)
        return words.astype(np.float64).reshape(shape) * 2.0**-53


def _shape(size: int | tuple[int, ...] | None, *parameters: Floats) -> tuple[int, ...]:
    """The shape to draw: as asked, or that of the parameters."""
    if size is None:
        return np.broadcast_shapes(*(parameter.shape for parameter in parameters))
    return (size,) if isinstance(size, (int, np.integer)) else tuple(size)


def _horner(x: Floats, coefficients: Sequence[float]) -> Floats:
    """Σ coefficients[n] xⁿ."""
    total = np.full_like(x, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        total = total * x + coefficient
    return total


def _power_of_two(k: NDArray[np.int64]) -> Floats:
    """2ᵏ for −1022 ≤ k ≤ 1023, by its bits."""
    return ((k + 1023) << 52).view(np.float64)


def _circular(x: ArrayLike, *, quarter_turns: int) -> Any:
    """sin(x + quarter_turns · π/2): the remainder r after k quarter turns in three parts, then Taylor series."""
    angle = np.asarray(x, dtype=np.float64)
    if not np.all(np.abs(angle) <= _LARGEST_ANGLE):
        raise ValueError(f"angle beyond ±{_LARGEST_ANGLE:g} radians: {angle[~(np.abs(angle) <= _LARGEST_ANGLE)][:3]}")
    k = np.rint(angle * (2 / math.pi))
    r = ((angle - k * _HALF_PI[0]) - k * _HALF_PI[1]) - k * _HALF_PI[2]
    square = r * r
    sine = r * _horner(square, [(-1) ** n / math.factorial(2 * n + 1) for n in range(10)])
    cosine = _horner(square, [(-1) ** n / math.factorial(2 * n) for n in range(11)])
    turn = (k.astype(np.int64) + quarter_turns) & 3
    value = np.where(turn & 1, cosine, sine)
    return np.where(turn & 2, -value, value)[()]


def _blur_first(image: Floats, sigma: float) -> Floats:
    """Blurs along the first axis: shifted copies are added from the centre outwards."""
    reach = math.ceil(4 * sigma)
    weights = [float(exp(-0.5 * square(k / sigma))) for k in range(reach + 1)]
    total = weights[0] + 2 * math.fsum(weights[1:])
    padded = np.concatenate([image[:1].repeat(reach, axis=0), image, image[-1:].repeat(reach, axis=0)])
    count = image.shape[0]
    result = padded[reach : reach + count] * (weights[0] / total)
    for k in range(1, reach + 1):
        result += (padded[reach - k : reach - k + count] + padded[reach + k : reach + k + count]) * (weights[k] / total)
    return result


def _invert_poisson(mean: Floats, u: Floats) -> NDArray[np.int64]:
    """The smallest count whose cumulative probability exceeds u."""
    counts = np.zeros(mean.shape, dtype=np.int64)
    term = np.asarray(exp(-mean))
    cumulative = term.copy()
    for k in range(1, _INVERSION_ENDS + 1):
        above = u >= cumulative
        if not above.any():
            break
        counts += above
        term = term * (mean / k)
        cumulative = cumulative + term
    return counts
