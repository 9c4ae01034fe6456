"""An Asterisk for real phones: `python -m asterisk.site SITE.toml --out FOLDER` writes its configuration.

Knows what phones, providers and numbers there are; knows nothing of how an Asterisk is got or started.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any, Final, TypeVar

from asterisk.render import TEMPLATES, Extension, dialplan, render
from controller.errors import DragomanError, SettingsError

SITE: Final = Path(__file__).resolve().parent / "phones"
"""The templates that differ from those of a run on loopback."""

_AS_IN_A_RUN: Final = ("modules.conf", "features.conf", "interpreter.conf")
"""The templates that are the same."""

REALM: Final = "dragoman"
"""Part of what phones' passwords are hashed with."""

PASSWORD: Final = "DRAGOMAN_ASTERISK__PASSWORD"
"""The variable with ARI's password: the same that the controller takes it from."""

ANYWHERE: Final = "0.0.0.0"

_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{1,31}")
_TAKEN: Final = ("global", "udp", "tls", "leg", "phone", "secure-phone", "login", "contact", "phones", "general")
_HOST: Final = re.compile(r"[A-Za-z0-9.-]+(:\d{1,5})?")
_USER: Final = re.compile(r"[A-Za-z0-9._+-]+")
_WEAK: Final = 12
"""A password of fewer letters is found by trying, at the rate at which the internet tries."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Phone:
    """One that registers."""

    name: str
    """Its SIP user, and how a number reaches it: `dial = "PJSIP/NAME"`."""

    password: str
    secure: bool = True
    """TLS and SRTP (docs/asterisk.md says what of UDP); False: UDP and RTP, which whoever is between hears."""


@dataclass(frozen=True, slots=True)
class Trunk:
    """A provider with whom this PBX registers."""

    name: str
    """How a number reaches it: `dial = "PJSIP/${EXTEN:1}@NAME"`."""

    host: str
    """Of the registrar, with a port where it is not the usual one."""

    user: str
    password: str
    secure: bool = False
    """TLS and SRTP."""


@dataclass(frozen=True, slots=True)
class Number(Extension):
    """Who may dial it: an `Extension`, and from where."""

    trunk: str = ""
    """The provider that delivers it; empty: registered phones dial it."""


@dataclass(frozen=True, slots=True)
class Site:
    """The whole of it."""

    phones: tuple[Phone, ...] = ()
    trunks: tuple[Trunk, ...] = ()
    numbers: tuple[Number, ...] = ()
    address: str = ANYWHERE
    """On which SIP and RTP are listened for; this one stands for all of the machine's."""

    sip_port: int = 5060
    """UDP, for phones and providers that are not secure; nothing listens there where there are none."""

    tls_port: int = 5061
    certificate: str = ""
    """File: the PBX's, with what it is signed by, for secure phones and providers."""

    key: str = ""
    """File: the certificate's."""

    external: str = ""
    """The address by which phones on the internet reach it, where it is not the machine's own."""

    local: tuple[str, ...] = ()
    """Networks for which `external` does not count, as `192.168.0.0/16`."""

    codecs: str = "g722,alaw,ulaw"
    rtp_first: int = 10000
    rtp_last: int = 10399
    """Of a hundred calls with two legs."""

    http_port: int = 8088
    ari_user: str = "dragoman"
    authority: str = ""
    """File: what a secure provider's certificate is checked by; empty: it is not checked."""


def read(file: Path) -> Site:
    """A site out of a TOML file: fields of `Site`, tables `[[phones]]`, `[[trunks]]`, `[[numbers]]`.

    Raises:
        SettingsError: it cannot be read, or something in it is unknown or wrong.
    """
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"The site file {file} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"The site file {file} is not TOML: {error}.") from error
    made: dict[str, Any] = {
        name: tuple(_made(kind, table, f"[[{name}]]") for table in tables.pop(name, ()))
        for name, kind in (("phones", Phone), ("trunks", Trunk), ("numbers", Number))
    }
    if "local" in tables:
        tables["local"] = tuple(tables["local"])
    return _made(Site, {**tables, **made}, str(file))


def check(site: Site) -> None:
    """Refuse what would be open to strangers, or would not work.

    Raises:
        SettingsError: one sentence, naming the first such thing.
    """
    names = [one.name for one in _peers(site)]
    for name in names:
        if not _NAME.fullmatch(name) or name in _TAKEN:
            raise SettingsError(f"{name!r} cannot name a phone or trunk: use a-z, 0-9, - and _, another than {_TAKEN}.")
        if names.count(name) > 1:
            raise SettingsError(f"Two phones or trunks are called {name}: rename one.")
    for phone in site.phones:
        if len(phone.password) < _WEAK or phone.password == phone.name:
            raise SettingsError(f"The password of the phone {phone.name} is weak: give it {_WEAK} letters or more.")
    for trunk in site.trunks:
        if not _HOST.fullmatch(trunk.host) or not _USER.fullmatch(trunk.user) or "\n" in trunk.password:
            raise SettingsError(f"The host, user or password of the trunk {trunk.name} cannot be used: correct it.")
    if _secure(site) and not (site.certificate and site.key):
        raise SettingsError("Secure phones and trunks need a certificate and its key: name both files.")
    for number in site.numbers:
        _check_number(number, site)


def _check_number(number: Number, site: Site) -> None:
    if "." in number.pattern or "!" in number.pattern:
        raise SettingsError(
            f"The pattern {number.pattern} takes numbers of any length: write an X for each digit, as _2XX."
        )
    known = {one.name for one in site.trunks}
    if number.trunk and number.trunk not in known:
        raise SettingsError(f"The number {number.pattern} comes from {number.trunk}, which is no trunk: add it.")
    _, _, called = number.dial.partition("/")
    ways_out = {called.rpartition("@")[2], called.partition("/")[0]}  # PJSIP/NUMBER@TRUNK, PJSIP/TRUNK, PJSIP/TRUNK/URI
    if number.trunk and known & ways_out:
        raise SettingsError(
            f"Whoever dials {number.pattern} from outside would be led out again at your cost: let it reach a phone."
        )


def write(site: Site, password: str, folder: Path) -> list[Path]:
    """Write the configuration into `folder`; files of other modules that are there stay as they are.

    Args:
        password: ARI's.
    Raises:
        SettingsError: as `check`; or there is no password.
    """
    check(site)
    if not password:
        raise SettingsError(f"ARI needs a password: give it as {PASSWORD}, to the controller too.")
    values = {
        "realm": REALM,
        "transports": "".join(f"{one}\n" for one in _transports(site)),
        "codecs": site.codecs,
        "media": _media(site),
        "phones": "".join(_phone(one) for one in site.phones),
        "trunks": "".join(_trunk(one) for one in site.trunks),
        "inside": dialplan(one for one in site.numbers if not one.trunk),
        "outside": "\n\n".join(
            f"[from-{trunk.name}]\n{dialplan(one for one in site.numbers if one.trunk == trunk.name)}"
            for trunk in site.trunks
        ),
        "http_port": str(site.http_port),
        "ari_user": site.ari_user,
        "ari_hash": crypted(password),
        "rtp_first": str(site.rtp_first),
        "rtp_last": str(site.rtp_last),
    }
    written = render(SITE, values, folder)
    for name in _AS_IN_A_RUN:
        text = Template((TEMPLATES / name).read_text(encoding="utf-8")).substitute()
        (folder / name).write_text(text, encoding="utf-8")
        written.append(folder / name)
    return written


def crypted(password: str) -> str:
    """Its SHA-512 crypt hash, as `password_format = crypt` takes it.

    Raises:
        SettingsError: openssl, which makes it, is not there.
    """
    try:
        done = subprocess.run(
            ["openssl", "passwd", "-6", "-stdin"],
            input=password,
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise SettingsError(f"`openssl passwd` cannot hash the password: {error}. Install openssl.") from error
    return done.stdout.strip()


def digest(user: str, password: str) -> str:
    """What digest authentication (RFC 2617) needs of a password; every phone knows MD5, few anything better."""
    return hashlib.md5(f"{user}:{REALM}:{password}".encode(), usedforsecurity=False).hexdigest()


def _peers(site: Site) -> list[Phone | Trunk]:
    return [*site.phones, *site.trunks]


def _secure(site: Site) -> bool:
    return any(one.secure for one in _peers(site))


def _transports(site: Site) -> Iterator[str]:
    nat = [f"local_net = {one}" for one in site.local]
    if site.external:
        nat += [f"external_media_address = {site.external}", f"external_signaling_address = {site.external}"]
    if not all(one.secure for one in _peers(site)):
        yield _section("udp", "transport", "protocol = udp", f"bind = {site.address}:{site.sip_port}", *nat)
    if _secure(site):
        check = [f"ca_list_file = {site.authority}", "verify_server = yes"] if site.authority else []
        yield _section(
            "tls",
            "transport",
            "protocol = tls",
            f"bind = {site.address}:{site.tls_port}",
            f"cert_file = {site.certificate}",
            f"priv_key_file = {site.key}",
            "method = tlsv1_2",
            *check,
            *nat,
        )


def _media(site: Site) -> str:
    """RTP on the address of SIP, where that is one of several."""
    if site.address == ANYWHERE:
        return ""
    return f"media_address = {site.address}\nbind_rtp_to_media_address = yes"


def _phone(phone: Phone) -> str:
    kind = "secure-phone" if phone.secure else "phone"
    return (
        f"[{phone.name}]({kind})\nauth = {phone.name}\naors = {phone.name}\n"
        f"[{phone.name}](login)\nusername = {phone.name}\n"
        f"password_digest = MD5:{digest(phone.name, phone.password)}\n"
        f"[{phone.name}](contact)\n\n"
    )


def _trunk(trunk: Trunk) -> str:
    transport = "tls" if trunk.secure else "udp"
    host = trunk.host.partition(":")[0]
    server = f"sip:{trunk.host}" + (r"\;transport=tls" if trunk.secure else "")
    encrypted = "media_encryption = sdes\nmedia_encryption_optimistic = no\n" if trunk.secure else ""
    return "\n".join(
        (
            f"[{trunk.name}](leg)\ntransport = {transport}\ncontext = from-{trunk.name}\n{encrypted}"
            f"outbound_auth = {trunk.name}\naors = {trunk.name}\nfrom_user = {trunk.user}\nfrom_domain = {host}\n"
            "; By its address alone: what it is called is no secret.\nidentify_by = ip\n"
            "; Phones hand calls over, providers do not.\nallow_transfer = no\n",
            _section(trunk.name, "aor", f"contact = {server}", "qualify_frequency = 60"),
            _section(
                trunk.name,
                "auth",
                "auth_type = digest",
                f"username = {trunk.user}",
                "password = " + trunk.password.replace(";", r"\;"),
            ),
            _section(trunk.name, "identify", f"endpoint = {trunk.name}", f"match = {host}"),
            _section(
                trunk.name,
                "registration",
                f"transport = {transport}",
                f"outbound_auth = {trunk.name}",
                f"server_uri = {server}",
                f"client_uri = sip:{trunk.user}@{trunk.host}",
                f"contact_user = {trunk.user}",
                "expiration = 600",
                "retry_interval = 60",
                "; A wrong password is tried again, but not until the provider bars this address.",
                "auth_rejection_permanent = no",
                "forbidden_retry_interval = 600",
                "max_retries = 10000",
            ),
            "",
        )
    )


def _section(name: str, kind: str, *lines: str) -> str:
    return "\n".join((f"[{name}]", f"type = {kind}", *lines, ""))


def _made(kind: type[T], table: Mapping[str, Any], where: str) -> T:
    try:
        return kind(**table)
    except TypeError as error:  # an unknown field, or one that is missing
        raise SettingsError(f"{where} cannot be understood: {str(error).partition('__init__() ')[2]}.") from error


def main(arguments: list[str] | None = None) -> int:
    """The command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m asterisk.site", description=__doc__)
    parser.add_argument("site", type=Path, help="a TOML file: see docs/asterisk.md")
    parser.add_argument("--out", type=Path, required=True, help="Asterisk's configuration folder, as /etc/asterisk")
    options = parser.parse_args(arguments)
    try:
        for path in write(read(options.site), os.environ.get(PASSWORD, ""), options.out):
            print(path)
    except DragomanError as error:
        print(f"asterisk.site: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
