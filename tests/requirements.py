"""What a test needs here: where it is missing the test is skipped, or fails if $REQUIRE names it."""

from __future__ import annotations

import os

import pytest


def required(name: str) -> bool:
    """Whether `name` is in the comma list $REQUIRE."""
    return name in (one.strip() for one in os.environ.get("REQUIRE", "").split(","))


def require_or_skip(name: str, present: bool, hint: str) -> None:
    """Go on where `present`; else fail if `name` is required, or skip, saying `hint`."""
    if present:
        return
    if required(name):
        pytest.fail(f"{name} is required ($REQUIRE) and missing: {hint}", pytrace=False)
    pytest.skip(f"{name} is missing: {hint}")
