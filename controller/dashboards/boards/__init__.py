"""The dashboards: what is wrong at a glance, then calls, engines and Triton, each in detail."""

from __future__ import annotations

from typing import Final

from controller.dashboards.boards.call import CALL
from controller.dashboards.boards.engines import ENGINES
from controller.dashboards.boards.overview import OVERVIEW
from controller.dashboards.boards.triton import TRITON

BOARDS: Final = (OVERVIEW, CALL, ENGINES, TRITON)
