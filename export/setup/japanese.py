"""The dictionary that Japanese text needs, put into environments: the contents of a pinned source archive."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Final

from export.setup import environment
from export.setup.component import replace
from export.setup.environment import BUILD_TOOLS, REQUIREMENTS
from export.setup.errors import SetupError
from export.setup.files import remove
from export.setup.kit import Kit

PINS: Final = REQUIREMENTS / "japanese.txt"
PACKAGE: Final = "unidic_lite"
IMPORTS: Final = "import fugashi; fugashi.Tagger()"


def add(kit: Kit, env: Path, downloads: Path) -> str:
    """Put it into the environment `env`.

    Raises:
        SetupError: it cannot be had, or fugashi does not read it.
    """
    (archive,) = kit.pip().download_sources(PINS, BUILD_TOOLS, downloads)
    (site,) = (env / "lib").glob("python3*/site-packages")
    fresh = site / f"{PACKAGE}.tmp"
    remove(fresh)
    with tarfile.open(archive) as packed:
        inside = [one for one in packed.getmembers() if one.name.split("/")[1:2] == [PACKAGE]]
        if not inside:
            raise SetupError(f"{archive.name} has no {PACKAGE} in it")
        for one in inside:
            one.name = one.name.partition(f"/{PACKAGE}")[2].lstrip("/") or "."
        packed.extractall(fresh, inside, filter="data")
    replace(site / PACKAGE, fresh)
    environment.check(kit.programs, env, IMPORTS)
    return archive.name.removesuffix(".tar.gz").rpartition("-")[2]
