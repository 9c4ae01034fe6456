"""Python environments in the cache folder: of pinned wheels, linked to the checkout, mended when moved."""

from __future__ import annotations

import hashlib
import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from export.setup.cache import REPOSITORY, Cache
from export.setup.errors import SetupError
from export.setup.files import write_stamp
from export.setup.kit import Kit
from export.setup.pip import ENVIRONMENT
from export.setup.programs import Programs

REQUIREMENTS = Path(__file__).resolve().parent / "requirements"
SOURCES = REQUIREMENTS / "sources.txt"
BUILD_TOOLS = REQUIREMENTS / "build.txt"
_LINK = Path(__file__).resolve().parent / "link.py"


def make(kit: Kit, env: Path, requirements: Path, imports: str, *, sources: bool = False) -> str:
    """Make the environment `env` from pinned wheels.

    Args:
        sources: also what is published as source archives only (sources.txt).
        imports: Python that must run in it: imports, and assertions of versions.
    Raises:
        SetupError: it cannot be made, or the imports fail.
    """
    downloads = kit.downloads(f"env-{env.name}")
    pip, base = kit.pip(), kit.python()
    with ThreadPoolExecutor(1) as beside:  # building takes as long as downloading does
        building = beside.submit(pip.build, SOURCES, BUILD_TOOLS, downloads / "sources") if sources else None
        wheels = pip.download([requirements], downloads / "wheels")
        built = building.result() if building else []
    made = kit.programs.run([base.program, "-m", "venv", "--without-pip", env], env={**ENVIRONMENT, **base.env})
    if made.code:
        raise SetupError(f"a Python environment cannot be made: {made.last_error()}")
    if base.env:
        _lead_to_libraries(env)
    pip.install(env, [requirements], downloads / "wheels")
    pip.install_files(env, [base.pip_wheel, *built])
    check(kit.programs, env, imports)
    return f"{len(wheels) + len(built)} packages"


def add(kit: Kit, env: Path, requirements: Path, imports: str) -> str:
    """Add pinned wheels to an environment that is there.

    Raises:
        SetupError: they cannot be had, or the imports fail.
    """
    downloads = kit.downloads(requirements.stem)
    wheels = kit.pip().download([requirements], downloads / "wheels")
    kit.pip().install(env, [requirements], downloads / "wheels")
    check(kit.programs, env, imports)
    return f"{len(wheels)} packages"


def check(programs: Programs, env: Path, imports: str) -> None:
    """Run `imports` in the environment.

    Raises:
        SetupError: they fail.
    """
    done = programs.run([env / "bin" / "python", "-I", "-c", imports], env=ENVIRONMENT)
    if done.code:
        raise SetupError(f"the environment {env.name} does not work: {done.last_error()}")


def _lead_to_libraries(env: Path) -> None:
    """Let the environment's Python find the libraries of the unpacked one wherever it is started from."""
    script = env / "bin" / "python"
    for name in ("python", "python3"):
        (env / "bin" / name).unlink(missing_ok=True)
    script.write_text(
        '#!/bin/sh\n# The unpacked Python, with its libraries.\nHERE="$(dirname "$(readlink -f "$0")")"\n'
        'export LD_LIBRARY_PATH="$HERE/../../../python/usr/lib/x86_64-linux-gnu"\n'
        'exec "$HERE/python3.11" "$@"\n'
    )
    script.chmod(0o755)
    (env / "bin" / "python3").symlink_to("python")


def link_needed(cache: Cache, name: str) -> bool:
    """Whether the environment `name` must be linked again: other checkout or pyproject.toml, or moved."""
    try:
        return _link_stamp(cache, name).read_text().strip() != _link_text(cache)
    except OSError:
        return True


def link(cache: Cache, name: str, programs: Programs) -> None:
    """Make the environment `name` lead to this checkout, and mend it when the cache folder was moved.

    Raises:
        SetupError: it cannot be written.
    """
    env = cache.env(name)
    _mend(env, cache)
    done = programs.run([env / "bin" / "python", "-I", _LINK, REPOSITORY], env=ENVIRONMENT)
    if done.code:
        raise SetupError(f"the environment {name} cannot be linked to {REPOSITORY}: {done.last_error()}")
    write_stamp(_link_stamp(cache, name), _link_text(cache))


def _link_stamp(cache: Cache, name: str) -> Path:
    return cache.root / "stamps" / f"link-{name}"


def _link_text(cache: Cache) -> str:
    project = hashlib.sha256((REPOSITORY / "pyproject.toml").read_bytes()).hexdigest()
    return json.dumps([str(REPOSITORY), str(cache.root), project])


def _mend(env: Path, cache: Cache) -> None:
    """Replace the environment's former place, which its own files hold, by its present one."""
    settings = env / "pyvenv.cfg"
    text = settings.read_text()
    match = re.search(r"^command = .* (\S+)$", text, re.MULTILINE)
    if match is None or match[1] == str(env):
        return
    former = Path(match[1]).parents[1]  # the cache folder
    settings.write_text(text.replace(f"{former}/", f"{cache.root}/"))
    for script in (env / "bin").iterdir():
        if script.is_symlink():
            leads = str(script.readlink())
            if leads.startswith(f"{former}/"):
                script.unlink()
                script.symlink_to(leads.replace(str(former), str(cache.root), 1))
        elif script.is_file():
            content = script.read_bytes()
            if content.startswith(f"#!{former}/".encode()):
                script.write_bytes(content.replace(f"#!{former}/".encode(), f"#!{cache.root}/".encode(), 1))
