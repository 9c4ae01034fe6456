"""Gets an Asterisk that has chan_websocket with JSON control messages: the machine's own, or Debian's.

Knows packages and versions; starts no Asterisk and writes no configuration.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from asterisk import debian
from export.setup.errors import SetupError
from export.setup.programs import Programs

MINIMUM: Final = "22.8"
"""chan_websocket speaks JSON from 22.8 on."""

SUITES: Final = ("forky", "testing", "sid")
"""Debian's suites that may offer it, the slowest moving first."""

_PACKAGES: Final = """
    asterisk asterisk-modules libc6 libcap2 libcrypt1 libedit2 libgcc-s1 libstdc++6 libjansson4
    libnspr4 libnss3 libsqlite3-0 libsrtp2-1 libssl3t64 libsystemd0 libtinfo6 liburiparser1 libuuid1
    libxml2-16 libxslt1.1 zlib1g libzstd1 libbsd0 libmd0
"""
PACKAGES: Final = tuple(_PACKAGES.split())
"""What the modules in templates/modules.conf link against; where they lack something, all it depends on."""

FACTS: Final = "asterisk.json"
"""Beside the wrapper: what `installed` reads."""

_TEMPLATE: Final = Path(__file__).resolve().parent / "templates" / "modules.conf"
_MODULES: Final = f"{debian.LIBRARIES}/asterisk/modules"
_DATA: Final = "usr/share/asterisk"
_PROGRAM: Final = "root/usr/sbin/asterisk"
_SYSTEM_PLACES: Final = ("/usr/local/sbin", "/usr/sbin")

_WRAPPER: Final = f"""#!/bin/sh
# Runs the unpacked Asterisk on the libraries beside it.
D="${{0%/*}}/root"; L="$D/{debian.LIBRARIES}"
exec "$L/ld-linux-x86-64.so.2" --library-path "$L" --argv0 asterisk "$D/usr/sbin/asterisk" "$@"
"""


@dataclass(frozen=True)
class Installed:
    """The Asterisk that Dragoman runs."""

    program: Path
    """What to start."""

    version: str
    """Such as 22.10.1."""

    modules: Path
    """`astmoddir`."""

    data: Path
    """`astdatadir`."""

    wraps: Path | None = None
    """The machine's own program behind `program`; None where set-up unpacked Debian's."""


def installed(wrapper: Path) -> Installed:
    """What set-up recorded beside `wrapper` (`Cache.asterisk`).

    Raises:
        SetupError: nothing is recorded there.
    """
    folder = wrapper.parent
    try:
        facts: dict[str, Any] = json.loads((folder / FACTS).read_text())
        return Installed(
            program=wrapper,
            version=facts["version"],
            modules=folder / facts["modules"],  # an absolute path stays what it is
            data=folder / facts["data"],
            wraps=Path(facts["wraps"]) if facts["wraps"] else None,
        )
    except (OSError, ValueError, KeyError) as error:
        raise SetupError(f"there is no Asterisk in {folder}: run `make setup` to get it.") from error


def still_there(wrapper: Path) -> bool:
    """False when what `wrapper` leads to, unpacked or the machine's own, has vanished."""
    try:
        found = installed(wrapper)
    except SetupError:
        return False
    program = found.wraps or wrapper.parent / _PROGRAM
    return wrapper.exists() and program.exists() and (found.modules / "chan_websocket.so").exists()


def needed_modules() -> list[str]:
    """File names of the modules that the configuration loads."""
    return re.findall(r"^load\s*=\s*(\S+\.so)", _TEMPLATE.read_text(), re.MULTILINE)


def parse_version(text: str) -> str | None:
    """The version in what `asterisk -V` prints (`Asterisk 22.10.1~dfsg-1`), or None."""
    match = re.match(r"Asterisk\s+(?:certified[/-])?(\d+(?:\.\d+)+)", text.strip())
    return match[1] if match else None


def new_enough(version: str, minimum: str = MINIMUM) -> bool:
    return [int(part) for part in version.split(".")] >= [int(part) for part in minimum.split(".")]


def on_path(programs: Programs, search: str | None = None) -> Installed | None:
    """The machine's own Asterisk where it is new enough and has every module that is needed, else None."""
    places = os.pathsep.join([search if search is not None else os.environ.get("PATH", ""), *_system_places(search)])
    program = shutil.which("asterisk", path=places)
    if program is None:
        return None
    version = parse_version(programs.run([program, "-V"]).output)
    if version is None or not new_enough(version):
        return None
    for modules in _module_folders(Path(program).resolve()):
        if all((modules / name).is_file() for name in needed_modules()):
            own = Path(program)
            return Installed(own, version, modules, _data_folder(own.resolve()), wraps=own)
    return None


def _system_places(search: str | None) -> Sequence[str]:
    return () if search is not None else _SYSTEM_PLACES


def _module_folders(program: Path) -> Iterator[Path]:
    prefix = program.parent.parent
    for lib in ("lib/x86_64-linux-gnu", "lib64", "lib"):
        yield prefix / lib / "asterisk" / "modules"


def _data_folder(program: Path) -> Path:
    share = program.parent.parent / "share" / "asterisk"
    return share if share.is_dir() else Path("/var/lib/asterisk")


def write_own(found: Installed, folder: Path) -> None:
    """A wrapper to the machine's own Asterisk, and its facts, in `folder`."""
    quoted = str(found.program).replace("'", "'\\''")
    _write_wrapper(folder, f"#!/bin/sh\n# The machine's own Asterisk.\nexec '{quoted}' \"$@\"\n")
    _write_facts(folder, found)


def fetch(folder: Path, archives: debian.Archives, downloads: Path, programs: Programs) -> Installed:
    """Unpack Debian's Asterisk into `folder`: `asterisk`, `asterisk.json` and `root/`.

    Raises:
        Unreachable: no archive offers it.
        WrongDigest: a package is not what the signed index says.
        SetupError: a library is missing even with everything it depends on.
    """
    archive, offered = archives.choose("asterisk", SUITES, MINIMUM)
    closure = archive.closure(["asterisk"])
    root = folder / "root"
    small = sorted(set(PACKAGES) & set(closure))
    debian.unpack(archive.download(small, downloads), root, programs)
    if _missing(root, programs):
        debian.unpack(archive.download(closure, downloads), root, programs)
    if missing := _missing(root, programs):
        raise SetupError(f"asterisk {offered} from {archive.suite} lacks {', '.join(missing)}")
    _write_wrapper(folder, _WRAPPER)
    shown = programs.run([folder / "asterisk", "-V"])
    version = parse_version(shown.output)
    if version is None or not new_enough(version):
        raise SetupError(f"the unpacked Asterisk does not run: {shown.output.strip() or shown.last_error()}")
    found = Installed(folder / "asterisk", version, Path("root") / _MODULES, Path("root") / _DATA)
    _write_facts(folder, found)
    return found


def _missing(root: Path, programs: Programs) -> list[str]:
    modules = [root / _MODULES / name for name in needed_modules()]
    return debian.unresolved(root, [root / "usr/sbin/asterisk", *modules], programs)


def _write_wrapper(folder: Path, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    wrapper = folder / "asterisk"
    wrapper.write_text(text)
    wrapper.chmod(0o755)


def _write_facts(folder: Path, found: Installed) -> None:
    facts = {
        "schema": "dragoman/asterisk/1",
        "version": found.version,
        "modules": str(found.modules),
        "data": str(found.data),
        "wraps": str(found.wraps) if found.wraps else None,
    }
    (folder / FACTS).write_text(json.dumps(facts, indent=2) + "\n")
