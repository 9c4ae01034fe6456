"""A real Asterisk for all scenarios of a session, and a run of its own for each that breaks one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from controller.stack.asterisk import AsteriskServer
from controller.stack.process import Run
from tests.scenarios.rig import interpreted
from tests.scenarios.transport import ENROLS, EXTENSIONS


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs the real models."""
    for item in items:
        if "repository" in getattr(item, "fixturenames", ()):
            item.add_marker("models")


@pytest.fixture(scope="session")
def asterisk(have_asterisk: None) -> Iterator[AsteriskServer]:
    """One server for all tests that leave it as they found it: without channels and bridges."""
    with Run() as run, AsteriskServer(run, extensions=(*EXTENSIONS, ENROLS, interpreted("en", "es"))) as server:
        yield server


@pytest.fixture
def run(have_asterisk: None) -> Iterator[Run]:
    """A run for one test's phones and servers."""
    with Run() as one:
        yield one
