"""Becomes Asterisk in a container: `python -m asterisk.container` writes its configuration, then takes its place.

The site is the operator's file, or, until there is one, two phones and two numbers made up at the first start. Knows
the image's folders; nothing of what a site may hold.
"""

from __future__ import annotations

import os
import secrets
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from asterisk.get import Installed, installed
from asterisk.render import TEMPLATES, render
from asterisk.site import PASSWORD, Site, read, write
from controller.errors import DragomanError
from export.setup.cache import Cache
from export.setup.errors import SetupError

ADDRESS: Final = "DRAGOMAN_ADDRESS"
"""The variable with the address by which phones reach this machine: inside, nobody can know it."""

FIRST_SITE: Final = """\
# Made at the first start, since there was no site.toml of yours: two phones in one house (docs/docker.md).
rtp_first = 10000
rtp_last = 10099

[[phones]]
name = "ada"
password = "{ada}"
secure = false

[[phones]]
name = "bob"
password = "{bob}"
secure = false

# Bob, who speaks Spanish, calls Ada.
[[numbers]]
pattern = "201"
source = "es"
target = "en"
dial = "PJSIP/ada"

# Ada, who speaks English, calls Bob.
[[numbers]]
pattern = "202"
source = "en"
target = "es"
dial = "PJSIP/bob"
"""


@dataclass(frozen=True, slots=True)
class Folders:
    """Where a container keeps what."""

    own_site: Path = Path("/etc/dragoman/site.toml")
    """The operator's file; it need not be there."""

    state: Path = Path("/var/lib/dragoman")
    """Stays: the site that was made up, who is registered."""

    shared: Path = Path("/run/dragoman")
    """With the controller: ARI's password, where nobody set one."""

    run: Path = Path("/run/asterisk")
    """Goes with the container: the configuration, the control socket."""

    @property
    def configuration(self) -> Path:
        return self.run / "etc"


def site(folders: Folders, address: str = "") -> Site:
    """The operator's site, or the one made up at the first start.

    Args:
        address: of this machine as phones reach it, where the site does not say.
    Raises:
        SettingsError: the site cannot be understood.
    """
    file = folders.own_site
    if not file.is_file():
        file = folders.state / "site.toml"
        if not file.exists():
            _write_secret(file, FIRST_SITE.format(ada=secrets.token_hex(8), bob=secrets.token_hex(8)))
        print(f"asterisk: there is no {folders.own_site}: who may register, and how, is in {file}", flush=True)
    found = read(file)
    return found if found.external or not address else replace(found, external=address)


def password(folders: Folders, given: str = "") -> str:
    """ARI's: the one that was given, else the one that lies beside the controller, made up at the first start."""
    if given:
        return given
    file = folders.shared / "ari-password"
    if not file.exists():
        _write_secret(file, secrets.token_hex(16))
    return file.read_text(encoding="utf-8").strip()


def configure(site: Site, ari_password: str, program: Installed, folders: Folders) -> Path:
    """Write the whole configuration; returns its main file.

    Raises:
        SettingsError: the site is open to strangers, or would not work.
    """
    etc, state = folders.configuration, folders.state / "asterisk"
    for needed in (etc, state / "lib" / "keys", state / "spool", state / "log"):
        needed.mkdir(parents=True, exist_ok=True)
    values = {
        "etc": str(etc),
        "modules": str(program.modules),
        "data": str(program.data),
        "state": str(state),
        "sockets": str(folders.run),
        "http_port": str(site.http_port),
        "sip_port": str(site.sip_port),
        "rtp_first": str(site.rtp_first),
        "rtp_last": str(site.rtp_last),
        "rtp_timeout_s": "30",
        "codecs": site.codecs,
        "ari_user": site.ari_user,
        "ari_password": ari_password,
        "extensions": "",
    }
    render(TEMPLATES, values, etc)
    write(site, ari_password, etc)
    logger = etc / "logger.conf"
    lines = logger.read_text(encoding="utf-8").splitlines(keepends=True)
    # A container's log is what it prints; a file in it would grow until nobody's disk is left.
    logger.write_text("".join(one for one in lines if not one.startswith("messages.log")), encoding="utf-8")
    return etc / "asterisk.conf"


def main() -> None:
    """Write, and replace this process by Asterisk; what goes wrong is told in one sentence."""
    folders = Folders()
    try:
        program = installed(Cache.default().asterisk)
        found = site(folders, os.environ.get(ADDRESS, ""))
        file = configure(found, password(folders, os.environ.get(PASSWORD, "")), program, folders)
    except (DragomanError, SetupError) as error:
        sys.exit(f"asterisk: {error}")
    except OSError as error:
        sys.exit(f"asterisk: {error.filename} cannot be used: {error.strerror}.")
    os.execv(program.program, [str(program.program), "-C", str(file), "-f", "-n"])


def _write_secret(file: Path, text: str) -> None:
    """Readable for its owner only, from its first byte on."""
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f"{file.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    fresh.write_text(text, encoding="utf-8")
    fresh.rename(file)


if __name__ == "__main__":
    main()
