"""Real parts for tests: Triton with the offline models, one for all that leave it as they found it; Asterisk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import hypothesis
import pytest

from controller.stack.process import Run
from controller.stack.triton import TritonServer
from export import cli
from export.setup.cache import Cache
from export.setup.components import missing
from tests.integration import xtts_rig
from tests.requirements import require_or_skip

# How long one example takes is the machine's affair.
hypothesis.settings.register_profile("dragoman", deadline=None)
hypothesis.settings.load_profile("dragoman")

collect_ignore = ["xtts", "encoders"]
"""They run in an environment of their own (`make test-xtts`), where this file is not read."""


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model repository with the offline models in it, exported from the cache (by hard links: in no time)."""
    cache = Cache.default()
    for path in (cache.tritonserver, cache.python("triton"), cache.libpython):
        require_or_skip("triton", path.exists(), f"{path} does not exist; run `make setup`")
    for path in (cache.whisper, cache.silero, cache.apertium_root, cache.prompts):
        require_or_skip("offline", path.exists(), f"{path} does not exist; run `make setup`")
    folder = tmp_path_factory.mktemp("repository")
    said = StringIO()
    with redirect_stdout(said):
        assert cli.main(["offline", "--out", str(folder)]) == 0, said.getvalue()
    return folder


@pytest.fixture(scope="session")
def triton_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the server takes for the user's home folder."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def triton_run() -> Iterator[Run]:
    with Run() as run:
        yield run


@pytest.fixture(scope="session")
def triton(repository: Path, triton_home: Path, triton_run: Run) -> TritonServer:
    """The server; ended with the session."""
    server = TritonServer(triton_run, repository, env={"HOME": str(triton_home)})
    server.start()
    return server


@pytest.fixture(scope="session")
def xtts_repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model repository of the tiny XTTS with random weights."""
    xtts_rig.require()
    return xtts_rig.exported(tmp_path_factory.mktemp("xtts"))


@pytest.fixture(scope="session")
def have_asterisk() -> None:
    """Skips (or fails, see `require_or_skip`) where there is no Asterisk, no soft phone or nothing to say."""
    for one in missing(Cache.default(), ["asterisk", "phone", "prompts"]):
        require_or_skip("asterisk", False, one.sentence)
