"""A real Asterisk for all scenarios of a session, and a run of its own for each that breaks one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from asterisk.render import Extension
from controller.stack.asterisk import AsteriskServer
from controller.stack.process import Run

EXTENSIONS = (Extension("_2XX", "en", "es", "PJSIP/phone/sip:bob@127.0.0.1:9"),)
"""Calls to 2XX reach the application; whom to call instead of the address named here, a test knows itself."""


@pytest.fixture(scope="session")
def asterisk(have_asterisk: None) -> Iterator[AsteriskServer]:
    """One server for all tests that leave it as they found it: without channels and bridges."""
    with Run() as run, AsteriskServer(run, extensions=EXTENSIONS) as server:
        yield server


@pytest.fixture
def run(have_asterisk: None) -> Iterator[Run]:
    """A run for one test's phones and servers."""
    with Run() as one:
        yield one
