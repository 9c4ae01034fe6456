"""The Python 3.11 that environments are made from: the machine's own, or Debian's unpacked in the cache.

Triton's models run on 3.11 (numpy below 2 ends there, and its stub is linked against libpython3.11).
"""

from __future__ import annotations

import importlib.util
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from asterisk.debian import LIBRARIES
from export.setup.cache import Cache
from export.setup.pip import bundled_wheel

WANTED: Final = (3, 11)

LIBRARY_PACKAGES: Final = ("libpython3.11",)
"""Enough for Triton's stub beside a Python of the machine's own."""

_PACKAGES: Final = """
    python3.11-minimal python3.11 libpython3.11-minimal libpython3.11-stdlib libpython3.11
    python3-pip-whl python3.11-venv libexpat1 libssl3 libffi8 libbz2-1.0 liblzma5 libsqlite3-0
    libncursesw6 libtinfo6 libreadline8 libuuid1 zlib1g libdb5.3 libnsl2 libtirpc3 libgssapi-krb5-2
    libkrb5-3 libk5crypto3 libkrb5support0 libcom-err2 libkeyutils1 libcrypt1 media-types
"""
PACKAGES: Final = tuple(_PACKAGES.split())
"""A whole Python 3.11."""

UNPACKED: Final = "python/usr/bin/python3.11"
"""Below the cache folder."""


@dataclass(frozen=True)
class Base:
    """A Python to make environments from."""

    program: Path
    pip_wheel: Path
    env: Mapping[str, str]
    """Variables that it needs."""


def lacking() -> str | None:
    """Why the running Python cannot make the environments, in a few words; None where it can."""
    if sys.version_info[:2] != WANTED:
        return f"the machine's python3 is {sys.version_info[0]}.{sys.version_info[1]} and not 3.11"
    if importlib.util.find_spec("venv") is None or own_pip_wheel() is None:
        return "the machine's python3 comes without venv or ensurepip"
    return None


def own_pip_wheel() -> Path | None:
    """The wheel of pip that the running Python brings for its environments, or None."""
    spec = importlib.util.find_spec("ensurepip")
    folders = [Path(spec.origin).parent / "_bundled"] if spec and spec.origin else []
    named = sysconfig.get_config_var("WHEEL_PKG_DIR")  # Debian keeps it elsewhere
    return bundled_wheel([*folders, *([Path(named)] if named and spec else [])])


def is_unpacked(cache: Cache) -> bool:
    """Whether a whole Python lies in the cache folder."""
    return (cache.root / UNPACKED).exists()


def base(cache: Cache) -> Base | None:
    """The Python to make environments from; None while it must first be unpacked."""
    if lacking() is None:
        wheel = own_pip_wheel()
        assert wheel is not None
        # In an environment sys.executable is the environment's own.
        return Base(Path(getattr(sys, "_base_executable", sys.executable)), wheel, {})
    wheel = bundled_wheel([cache.root / "python" / "usr" / "share" / "python-wheels"])
    if not is_unpacked(cache) or wheel is None:
        return None
    return Base(cache.root / UNPACKED, wheel, {"LD_LIBRARY_PATH": str(cache.root / "python" / LIBRARIES)})
