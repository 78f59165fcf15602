"""Numbers equal on every machine: right to the last digits, of the right distributions, independent streams."""

from __future__ import annotations

import ast
import re
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import mpmath
import numpy as np
import pytest
from scipy import ndimage, stats
from two_hospitals import exact
from two_hospitals.exact import Stream, blur, cos, exp, log, power, resample, shrink, sin

if TYPE_CHECKING:
    from collections.abc import Callable

COUNT = 100_000
ALMOST_SURELY = 4.5  # standard errors
KS_LIMIT = 1.95 / COUNT**0.5  # one in a thousand of true samples lies above; the streams are fixed

DIGEST_PROGRAM = """
import hashlib, numpy as np
from two_hospitals.exact import *
stream = Stream(7, "bytes")
x = stream.uniform(-30, 30, 40_001)
numbers = [exp(x), log(exp(x)), sin(x), cos(x), power(abs(x), 1.7), stream.normal(size=40_001),
           stream.poisson(abs(x) ** 3), stream.permutation(1000), blur(x[:40_000].reshape(200, 200), 2.3),
           resample(x[:400].reshape(20, 20), (33, 47))]
print(hashlib.sha256(b"".join(np.ascontiguousarray(n).tobytes() for n in numbers)).hexdigest())
"""


def worst(ours: Callable, truth: Callable, at: np.ndarray) -> float:
    """The largest relative error, against 60 digits."""
    with mpmath.workdps(60):
        true = [truth(mpmath.mpf(float(x))) for x in at]
        return max(float(abs((mpmath.mpf(float(y)) - t) / t)) for y, t in zip(ours(at), true, strict=True))


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20)


@pytest.mark.parametrize("span", [1e-9, 1.0, 40.0, 708.0])
def test_exp_is_right(rng: np.random.Generator, span: float) -> None:
    assert worst(exp, mpmath.exp, rng.uniform(-span, span, 500)) < 1e-15


@pytest.mark.parametrize("near", [0.0, 1e-8, 1.0, 700.0])
def test_log_is_right_from_the_smallest_number_to_the_largest(rng: np.random.Generator, near: float) -> None:
    """`near` 1e-8: around 1, where the result is as small as the distance from it."""
    x = np.exp(rng.uniform(-near, near, 500)) if near else np.array([5e-324, 1e-310, 2.0**-1022, 1.7e308, 2.0**-0.5])
    assert worst(log, mpmath.log, x[x != 1]) < 1e-15


@pytest.mark.parametrize("span", [1e-6, 3.0, 1e3, 1e6])
def test_sin_and_cos_are_right(rng: np.random.Generator, span: float) -> None:
    x = rng.uniform(-span, span, 500)
    assert worst(sin, mpmath.sin, x) < 1e-12
    assert worst(cos, mpmath.cos, x) < 1e-12


def test_sin_and_cos_are_right_beside_their_zeros(rng: np.random.Generator) -> None:
    x = rng.integers(1, 600_000, 500) * (np.pi / 2)
    assert worst(sin, mpmath.sin, x) < 1e-12
    assert worst(cos, mpmath.cos, x) < 1e-12


def test_power_is_right(rng: np.random.Generator) -> None:
    x, y = np.exp(rng.uniform(-60, 60, 500)), rng.uniform(-11, 11, 500)
    with mpmath.workdps(60):
        true = [mpmath.power(mpmath.mpf(float(a)), mpmath.mpf(float(b))) for a, b in zip(x, y, strict=True)]
        errors = [abs(mpmath.mpf(float(p)) / t - 1) for p, t in zip(power(x, y), true, strict=True)]
    assert max(errors) < 1e-12


def test_edges_of_the_domains_are_those_of_numpy() -> None:
    """Silently, where numpy warns: every branch of a `where` is computed."""
    x = np.array([np.inf, -np.inf, np.nan, 0.0, -0.0, -745.0, -746.0, -800.0, 709.78, 709.79, 800.0])
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(exp(x), np.exp(x), rtol=1e-12)
        y = np.array([np.inf, -np.inf, np.nan, 0.0, -0.0, -1.0, 5e-324, 1.0])
        np.testing.assert_allclose(log(y), np.log(y), rtol=1e-12)
        base, exponent = np.array([0.0, 0.0, 0.0, -1.0, 2.0]), np.array([2.0, 0.0, -1.0, 2.5, 0.0])
        np.testing.assert_allclose(power(base, exponent), np.power(base, exponent), rtol=1e-12)


@pytest.mark.parametrize("angle", [1.1e6, -np.inf, np.nan])
def test_an_angle_that_cannot_be_reduced_is_refused(angle: float) -> None:
    with pytest.raises(ValueError, match="beyond"):
        sin([0.0, angle])


@pytest.mark.parametrize("function", [exp, log, sin, cos])
def test_a_number_gives_a_number_and_an_array_its_shape(function: Callable) -> None:
    assert np.ndim(function(2)) == 0
    assert function(2.0) == function(np.full((3, 2), 2.0))[1, 1]
    assert function(np.ones((3, 2))).shape == (3, 2)


EXACT_MODULES = (
    *("exact", "voxels", "lattice", "skull_base", "brain", "head", "bleeds", "ct"),
    *("volume_plan", "volume_files", "volumes"),
)


def inexact(source: str) -> list[str]:
    """What numpy, `math` and `**` leave to the C library, to BLAS or to an order of summation."""
    called = re.compile(
        r"\b(?:np|math)\.(?:exp\w*|log\w*|a?sin\w*|a?cos\w*|a?tan\w*|arc\w+|power|pow|hypot|cbrt|dot|matmul|einsum"
        r"|inner|outer|tensordot|convolve|interp|linalg|fft|mean|sum|var|std|cumsum|trapezoid|random\.default_rng)\b"
        r"|\.(?:sum|mean|std|var|dot)\("
    )
    powers = [
        ast.unparse(node)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Pow, ast.MatMult)) and not _literal(node.left)
    ]
    return called.findall(source) + powers


def _literal(node: ast.expr) -> bool:
    """2.0 and −1, whose powers are exact."""
    return ast.unparse(node) in {"2", "2.0", "-1"}


@pytest.mark.parametrize("module", EXACT_MODULES)
def test_nothing_is_left_to_the_c_library(module: str) -> None:
    assert not inexact((Path(exact.__file__).parent / f"{module}.py").read_text(encoding="utf-8"))


def test_what_is_left_to_the_c_library_is_found() -> None:
    source = "np.exp(x) + math.log(y) + radius ** 2 + 2.0 ** -53 + a @ b + blood.sum() + exp(z)"
    assert inexact(source) == ["np.exp", "math.log", ".sum(", "a @ b", "radius ** 2"]


def test_the_bytes_do_not_depend_on_the_processor(on_a_plainer_machine: Callable[[str], str]) -> None:
    said: list[str] = []
    exec(DIGEST_PROGRAM, {"print": said.append})
    assert said == [on_a_plainer_machine(DIGEST_PROGRAM)]
    assert len(said[0]) == 64


def test_streams_are_those_of_their_key() -> None:
    first = Stream(0, "riverside", 17, "noise")
    assert first.uniform() == Stream(0, "riverside", 17, "noise").uniform()
    assert (
        Stream(0, "riverside").child(17, "noise").uniform(size=3).tolist()
        == Stream(0, "riverside", 17, "noise").uniform(size=3).tolist()
    )
    parent = Stream(5)
    before = parent.child("x").uniform()
    parent.uniform(size=10)
    assert parent.child("x").uniform() == before


def test_streams_of_like_keys_differ_and_are_uncorrelated() -> None:
    keys = [(1,), ("1",), (1, 1), (11,), ("1", "1"), (0, "a"), (0, "b"), (0, "a", 0), (1, "a"), (0, "a\0b"), (-1,)]
    drawn = np.stack([Stream(*key).uniform(size=COUNT) for key in keys])
    correlation = np.corrcoef(drawn) - np.eye(len(keys))
    assert np.abs(correlation).max() < ALMOST_SURELY / COUNT**0.5


def test_a_stream_goes_on_where_it_stopped() -> None:
    whole, parts = Stream(3), Stream(3)
    assert whole.uniform(size=10).tolist() == [*parts.uniform(size=4), *parts.uniform(size=6)]


def test_uniform_numbers_are_uniform() -> None:
    x = Stream("uniform").uniform(-2, 3, COUNT)
    assert stats.kstest(x, stats.uniform(-2, 5).cdf).statistic < KS_LIMIT
    assert x.min() >= -2
    assert x.max() < 3


def test_normal_numbers_are_normal() -> None:
    x = Stream("normal").normal(5.0, 2.0, COUNT)
    assert stats.kstest(x, stats.norm(5, 2).cdf).statistic < KS_LIMIT
    assert abs(x.mean() - 5) < ALMOST_SURELY * 2 / COUNT**0.5
    assert abs(x.var() / 4 - 1) < ALMOST_SURELY * (2 / COUNT) ** 0.5
    assert abs(stats.skew(x)) < ALMOST_SURELY * (6 / COUNT) ** 0.5
    assert abs(stats.kurtosis(x)) < ALMOST_SURELY * (24 / COUNT) ** 0.5
    assert abs(np.corrcoef(x[:-1], x[1:])[0, 1]) < ALMOST_SURELY / COUNT**0.5
    assert abs(np.corrcoef(x[: COUNT // 2], x[COUNT // 2 :])[0, 1]) < ALMOST_SURELY / (COUNT / 2) ** 0.5


@pytest.mark.parametrize("mean", [0.5, 1, 7, 29.99, 30, 31, 60, 200, 1e3, 1e4, 1e5])
def test_poisson_counts_are_poisson(mean: float) -> None:
    x = Stream("poisson", str(mean)).poisson(np.full(COUNT, mean))
    assert abs(x.mean() - mean) < ALMOST_SURELY * (mean / COUNT) ** 0.5
    assert abs(x.var() / mean - 1) < ALMOST_SURELY * ((2 + 1 / mean) / COUNT) ** 0.5
    counts = np.arange(x.min(), x.max() + 1)
    empirical = np.searchsorted(np.sort(x), counts, side="right") / COUNT
    assert np.abs(empirical - stats.poisson(mean).cdf(counts)).max() < KS_LIMIT


@pytest.mark.parametrize("mean", [30.0, 45.5, 100.0, 1e4])
def test_the_expansion_has_the_mean_and_variance_of_poisson(mean: float) -> None:
    """Without sampling error: the rounded expansion, integrated over the normal distribution."""
    z = np.linspace(-9, 9, 1_800_001)
    weight = stats.norm.pdf(z)
    weight /= weight.sum()
    s = np.sqrt(mean - 1 / 12)
    x = np.rint(mean + s * z + (z**2 - 1) / 6 + (z - z**3) / (72 * s))
    average = (weight * x).sum()
    assert abs(average - mean) < 1e-3
    assert abs((weight * (x - average) ** 2).sum() - mean - 0.002 / mean) < 1e-3 + 1e-6 * mean


def test_a_count_depends_on_its_own_mean_alone() -> None:
    means = np.array([5.0, 400.0, 0.0, 29.0, 31.0])
    changed = means.copy()
    changed[0] = 5000.0
    assert Stream(9).poisson(means)[1:].tolist() == Stream(9).poisson(changed)[1:].tolist()
    assert Stream(9).poisson(means)[2] == 0
    assert Stream(9).poisson(np.array([])).shape == (0,)


def test_integers_choices_and_permutations() -> None:
    stream = Stream("discrete")
    rolled = stream.integers(1, 7, COUNT)
    assert stats.chisquare(np.bincount(rolled, minlength=7)[1:]).pvalue > 1e-3
    chosen = [stream.choice("abc", [0.2, 0.0, 0.8]) for _ in range(3000)]
    assert set(chosen) == {"a", "c"}
    assert abs(chosen.count("a") / 3000 - 0.2) < ALMOST_SURELY * (0.16 / 3000) ** 0.5
    assert {stream.choice([1, 2]) for _ in range(40)} == {1, 2}
    orders = [tuple(stream.permutation(3)) for _ in range(3000)]
    assert stats.chisquare([orders.count(order) for order in set(orders)]).pvalue > 1e-3
    assert len(set(orders)) == 6


@pytest.mark.parametrize("sigma", [0.5, 2.3, (1.0, 4.0)])
def test_blur_is_a_gaussian_with_replicated_edges(rng: np.random.Generator, sigma: float | tuple[float, float]) -> None:
    image = rng.normal(size=(40, 60))
    expected = ndimage.gaussian_filter(image, sigma, mode="nearest", truncate=6)
    np.testing.assert_allclose(blur(image, sigma), expected, atol=2e-3)


def test_blur_keeps_mass_and_leaves_constants_alone() -> None:
    image = np.zeros((50, 50))
    image[20:30, 20:30] = 3.0
    np.testing.assert_allclose(blur(image, 4.0).sum(), image.sum(), rtol=1e-12)
    np.testing.assert_allclose(blur(np.full((5, 7), 2.5), 3.0), 2.5, rtol=1e-14)
    np.testing.assert_array_equal(blur(image, 0), image)
    assert all(a >= b for a, b in pairwise(blur(image, 4.0)[25, 25:]))


def test_shrinking_means_blocks_and_resampling_keeps_planes() -> None:
    image = np.arange(24.0).reshape(4, 6)
    np.testing.assert_array_equal(shrink(image, (2, 3)), image.reshape(2, 2, 2, 3).mean(axis=(1, 3)))
    row, column = np.mgrid[:8, :10] + 0.5
    coarse = 3 * (row * 2) - 1.5 * (column * 2) + 7
    row, column = np.mgrid[:16, :20] + 0.5
    fine = 3 * row - 1.5 * column + 7
    np.testing.assert_allclose(resample(coarse, (16, 20))[1:-1, 1:-1], fine[1:-1, 1:-1], rtol=1e-12)
    np.testing.assert_allclose(shrink(fine, (2, 2)), coarse, rtol=1e-12)


def test_this_digest_is_that_of_every_machine() -> None:
    """Recorded once; whoever changes a number here changes every sample file."""
    said: list[str] = []
    exec(DIGEST_PROGRAM, {"print": said.append})
    assert said == ["1a814a3dd161a2b464cc9862239674638048680370590f2e240bc8dda04a9617"]
