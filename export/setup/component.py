"""One thing that set-up gets: its recipe, the stamp that says it is complete, and how it comes into place.

Knows nothing of archives, wheels or any particular component.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from export.setup.cache import Cache
from export.setup.progress import size_of

if TYPE_CHECKING:
    from export.setup.files import remove, write_stamp
from export.setup.files import remove, write_stamp
from export.setup.kit import Kit


@dataclass(frozen=True)
class Component:
    """A part of the cache folder that is got, completed and redone as a whole."""

    name: str

    what: str
    """For a person: `the soft phone`."""

    place: str
    """Folder or file below the cache folder that is replaced as a whole."""

    main: tuple[str, ...]
    """Files below the cache folder; when one has vanished the component is got again."""

    recipe: Callable[[], object]
    """Everything that decides what is got, as JSON can write it; a changed one means it is got again."""

    build: Callable[[Kit, Path], str]
    """Makes the component in the folder it is given; returns a short note (`22.10.1`)."""

    remedy: str
    """How to provide it without a network, as the end of a sentence."""

    download_mb: float
    """Megabytes that it is expected to fetch."""

    needs: tuple[str, ...] = ()
    """Components that must be there first."""

    in_place: bool = False
    """Built at its final place, because its files hold their own path (a Python environment)."""

    adds: bool = False
    """Adds to a place that another component made, and so never removes it."""

    intact: Callable[[Cache], bool] = field(default=lambda cache: True)
    """A further check on what is there."""


def digest(component: Component) -> str:
    """SHA-256 of the recipe."""
    text = json.dumps([component.name, component.place, component.recipe()], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def stamp(cache: Cache, component: Component) -> Path:
    """The file that is written last: it holds the digest of the recipe that was followed."""
    return cache.root / "stamps" / component.name


def is_ready(cache: Cache, component: Component) -> bool:
    """Whether it is complete, made by the present recipe, and still there."""
    try:
        followed = stamp(cache, component).read_text().strip()
    except OSError:
        return False
    return (
        followed == digest(component)
        and all((cache.root / name).exists() for name in component.main)
        and component.intact(cache)
    )


def work_folder(cache: Cache, component: Component) -> Path:
    """Its downloads while it is being made; kept when set-up is interrupted, not to be fetched twice."""
    return cache.root / "tmp" / component.name


def make(kit: Kit, component: Component) -> tuple[str, float]:
    """Get the component: into a folder beside its place, then renamed, then stamped.

    Returns its note, and the megabytes that it fetched.

    Raises:
        SetupError: it cannot be had; nothing half-made is left in its place.
    """
    cache = kit.cache
    place = cache.root / component.place
    stamp(cache, component).unlink(missing_ok=True)
    target = place if component.in_place or component.adds else place.with_name(f"{place.name}.tmp")
    if not component.adds:
        remove(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    note = component.build(kit, target)
    if target != place:
        replace(place, target)
    write_stamp(stamp(cache, component), digest(component))
    work = work_folder(cache, component)
    fetched_mb = size_of(work) / 1e6
    remove(work)
    return note, fetched_mb


def replace(place: Path, new: Path) -> None:
    """Put `new` where `place` is; what was there is removed."""
    old = place.with_name(f"{place.name}.old")
    remove(old)
    if place.exists() or place.is_symlink():
        place.rename(old)
    new.rename(place)
    remove(old)


def in_order(components: Iterable[Component]) -> list[Component]:
    """Those that are needed before those that need them; otherwise the order given."""
    given = {one.name: one for one in components}
    ordered: dict[str, Component] = {}

    def add(one: Component) -> None:
        for name in one.needs:
            if name in given and name not in ordered:
                add(given[name])
        ordered.setdefault(one.name, one)

    for one in given.values():
        add(one)
    return list(ordered.values())
