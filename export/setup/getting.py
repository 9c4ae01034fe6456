"""Gets a list of components: what is there is left alone, what is independent is fetched at the same time.

Knows nothing of any particular component.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO

from asterisk.debian import Archives
from export.setup import environment
from export.setup.cache import REPOSITORY, Cache
from export.setup.component import Component, in_order, is_ready, make, work_folder
from export.setup.errors import SetupError, WrongDigest
from export.setup.files import remove
from export.setup.kit import Kit
from export.setup.lock import exclusive
from export.setup.programs import Programs
from export.setup.progress import Progress

_WORKERS: Final = 3
_ENVIRONMENTS: Final = ("controller", "triton", "export")
_AWKWARD: Final = re.compile(r"""[\s'"\\$`;:,*?\[\]{}()<>|&!#%=]""")
_DISK_PER_MB: Final = 3.0
"""Free space wanted for a megabyte of download: the download, unpacked, and what is joined of it."""


@dataclass(frozen=True)
class Failure:
    """A component that could not be had."""

    name: str
    sentence: str
    refused: bool
    """Because a download was not what was pinned."""


def get(
    cache: Cache,
    components: Sequence[Component],
    *,
    offline: bool = False,
    out: TextIO | None = None,
    live: bool | None = None,
) -> list[Failure]:
    """Get what is missing of `components`; the others are got even when one fails.

    Args:
        offline: fetch nothing, so that everything missing is a failure.
        out, live: where progress goes, and whether as a live line; see `Progress`.
    Raises:
        SetupError: the cache folder cannot be used at all.
        KeyboardInterrupt: after everything that was started has been ended.
    """
    check_place(cache)
    programs = Programs()
    if offline:
        failures = [_absent(one, "set-up was told to fetch nothing") for one in components if not is_ready(cache, one)]
    elif all(is_ready(cache, one) for one in components):
        failures = []
    else:
        failures = _fetch(cache, components, programs, out, live)
    for name in _ENVIRONMENTS:
        wanted = any(one.place == f"env/{name}" for one in components)
        if wanted and cache.python(name).exists() and environment.link_needed(cache, name):
            environment.link(cache, name, programs)
    return failures


def check_place(cache: Cache) -> None:
    """Make the cache folder.

    Raises:
        SetupError: it cannot be made, runs no programs, or its path would break a server's command line.
    """
    root = cache.root
    for path, what in ((root, "the cache folder"), (REPOSITORY, "the checkout")):
        if odd := _AWKWARD.search(str(path)):
            raise SetupError(
                f"the path of {what}, {path}, holds {odd[0]!r}, which a server's command line cannot carry: "
                + ("put it elsewhere with DRAGOMAN_CACHE." if path == root else "move the checkout.")
            )
    try:
        root.mkdir(parents=True, exist_ok=True)
        flags = os.statvfs(root).f_flag
    except OSError as error:
        raise SetupError(
            f"the cache folder {root} cannot be made ({error.strerror}): name another in DRAGOMAN_CACHE."
        ) from error
    if flags & os.ST_NOEXEC:
        raise SetupError(f"{root} is on a file system that runs no programs (noexec): name another in DRAGOMAN_CACHE.")


def _fetch(
    cache: Cache, components: Sequence[Component], programs: Programs, out: TextIO | None, live: bool | None
) -> list[Failure]:
    if not os.access(cache.root, os.W_OK):
        raise SetupError(f"the cache folder {cache.root} cannot be written: name another in DRAGOMAN_CACHE.")
    to_get = [one for one in in_order(components) if not is_ready(cache, one)]
    progress = Progress(len(to_get), sum(one.download_mb for one in to_get), out=out, live=live)
    with exclusive(cache.root / "lock", progress.say):
        to_get = [one for one in to_get if not is_ready(cache, one)]  # another set-up may have got them meanwhile
        if not to_get:
            return []
        total_mb = sum(one.download_mb for one in to_get)
        _check_space(cache.root, total_mb)
        progress = Progress(len(to_get), total_mb, out=out, live=live)
        apt = cache.root / "tmp" / "apt"
        kit = Kit(cache, programs, Archives(apt, programs), progress)
        with progress:
            failures = _at_once(kit, to_get)
        if not failures:
            remove(cache.root / "tmp")
    return failures


def _check_space(root: Path, total_mb: float) -> None:
    free_mb = shutil.disk_usage(root).free / 1e6
    if free_mb < total_mb * _DISK_PER_MB:
        raise SetupError(
            f"{root} has {free_mb:.0f} MB free, set-up needs {total_mb * _DISK_PER_MB:.0f} MB: make room "
            "or name another place in DRAGOMAN_CACHE."
        )


def _at_once(kit: Kit, components: Sequence[Component]) -> list[Failure]:
    """Components in order, several at a time; one that needs another waits for it."""
    jobs: dict[str, Future[Failure | None]] = {}
    pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="set-up")
    try:
        for one in components:  # in order of need, so that whatever a job waits for was started before it
            jobs[one.name] = pool.submit(_get_one, kit, one, [jobs[name] for name in one.needs if name in jobs])
        return [failure for job in jobs.values() if (failure := job.result()) is not None]
    except BaseException:
        kit.programs.stop()
        pool.shutdown(cancel_futures=True)
        raise
    finally:
        pool.shutdown()


def _get_one(kit: Kit, component: Component, needs: Sequence[Future[Failure | None]]) -> Failure | None:
    for need in needs:
        if (failure := need.result()) is not None:
            return _absent(component, f"it needs {failure.name}")
    kit.progress.start(component.name, [work_folder(kit.cache, component)])
    try:
        note, fetched_mb = make(kit, component)
    except SetupError as error:
        kit.progress.fail(component.name)
        if isinstance(error, WrongDigest):
            return Failure(component.name, str(error), True)
        return _absent(component, str(error))
    except OSError as error:
        kit.progress.fail(component.name)
        full = error.errno == errno.ENOSPC
        cause = "the disk is full" if full else f"{error.strerror or error} ({error.filename or kit.cache.root})"
        return _absent(component, cause)
    kit.progress.end(component.name, component.download_mb, f"{note}, {fetched_mb:.1f} MB")
    return None


def _absent(component: Component, cause: str) -> Failure:
    return Failure(component.name, f"{component.what} is missing: {cause.rstrip('.')}; {component.remedy}.", False)
