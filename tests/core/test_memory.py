"""Handing memory back is safe at any time, and does nothing where the C library cannot."""

from __future__ import annotations

import ctypes

import pytest

from medtransfer.core import memory


def test_it_can_be_called_again_and_again() -> None:
    for _ in range(3):
        memory.hand_back()


def test_without_the_function_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    memory._trim.cache_clear()
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    assert memory._trim() is None
    memory.hand_back()
    memory._trim.cache_clear()
