"""What a test needs here: where it is missing the test is skipped, or fails if $REQUIRE names it."""

from __future__ import annotations

import os

import pytest


def require_or_skip(name: str, present: bool, hint: str) -> None:
    """Go on where `present`; else fail if `name` is in the comma list $REQUIRE, or skip, saying `hint`."""
    if present:
        return
    required = {one.strip() for one in os.environ.get("REQUIRE", "").split(",")}
    if name in required:
        pytest.fail(f"{name} is required ($REQUIRE) and missing: {hint}", pytrace=False)
    pytest.skip(f"{name} is missing: {hint}")
