"""Writes every board into a folder: `python -m controller.dashboards docker/grafana/dashboards`."""

from __future__ import annotations

import sys
from pathlib import Path

from controller.dashboards.boards import BOARDS
from controller.dashboards.grafana import render


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for board in BOARDS:
        (folder / f"{board.name}.json").write_text(render(board), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
