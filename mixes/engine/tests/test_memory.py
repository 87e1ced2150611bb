"""Tests of giving memory back."""

import platform

import pytest

from mixes.engine.memory import release_memory
from mixes.engine.tests.heap import FILLED_BYTES, fragment_heap, resident_bytes


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="other C libraries give memory back by themselves"
)
def test_free_memory_between_used_blocks_goes_back_to_the_system():
    used, full = fragment_heap()
    release_memory()
    assert resident_bytes() < full - 0.9 * FILLED_BYTES
    assert all(len(set(block)) == 1 for block in used)
