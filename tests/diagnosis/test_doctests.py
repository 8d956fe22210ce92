"""The examples in the docstrings are true."""

from __future__ import annotations

import doctest
import importlib

import pytest


@pytest.mark.parametrize("name", ["detect", "fields", "quantity", "scheduling", "selectors", "workload"])
def test_examples(name: str) -> None:
    result = doctest.testmod(importlib.import_module(f"suture.diagnosis.{name}"))
    assert result.attempted > 0 and result.failed == 0
