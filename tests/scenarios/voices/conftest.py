"""One Triton with voices for all scenarios about them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from controller.stack.asterisk import AsteriskServer
from controller.stack.process import Run
from controller.stack.triton import TritonServer
from controller.triton.contracts import Latents
from controller.voices.latents import write
from tests.integration.xtts_rig import WIDTH
from tests.scenarios.voices.rig import House, exported, require


@pytest.fixture(scope="package")
def house(asterisk: AsteriskServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    require()
    repository, folder = exported(tmp_path_factory.mktemp("models")), tmp_path_factory.mktemp("house")
    random = np.random.default_rng(5)
    latents = Latents(random.standard_normal((32, WIDTH)).astype(np.float16), random.random(512, np.float32))
    write(folder / "house.npz", latents, name="house")
    with Run() as run:
        server = TritonServer(run, repository)
        server.start()
        assert server.failed == {}
        yield House(asterisk, server, folder)
