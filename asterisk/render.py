"""Fills the configuration templates in for one run.

Knows the templates' placeholders and the dialplan's grammar; knows nothing of ports, processes or packages.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Final

from controller.errors import SettingsError

TEMPLATES: Final = Path(__file__).resolve().parent / "templates"

APPLICATION: Final = "dragoman"
"""The name of the Stasis application that calls are handed to."""

NOBODY_THERE: Final = 34
"""Why a call ends that no application takes: congestion, which a phone is told as 503. A proxy or a provider then tries
another server; 603, which a plain Hangup() tells, would end its search."""

RING_S: Final = 60
"""Seconds that a phone rings whose call Dragoman does not make itself."""

_PATTERN: Final = re.compile(r"_?[0-9A-Za-z*#+.!\[\]-]+")
_LANGUAGE: Final = re.compile(r"|[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
# Neither comma nor semicolon: the dialplan would read them as the next argument and as a comment.
_DIAL: Final = re.compile(r"[A-Za-z0-9]+/(?:[A-Za-z0-9_.:@/=+%*#-]|\$\{EXTEN[0-9:]*\})+")
_ROOM: Final = re.compile(r"[A-Za-z0-9_.-]+")


@dataclass(frozen=True, slots=True)
class Extension:
    """A number whose calls are interpreted."""

    pattern: str
    """The number, or an Asterisk pattern such as `_2XX`."""

    source: str
    """Language that the caller speaks: a code such as `en` or `pt-BR`; empty where it is to be found out."""

    target: str = ""
    """Language of the one who is called; as above."""

    dial: str = ""
    """Whom to call, as Asterisk names it: `PJSIP/phone/sip:bob@127.0.0.1:15092`. `${EXTEN:2}` stands for the number
    that was dialled, without its first two digits."""

    room: str = ""
    """Instead of `dial`: the room that its callers are in, all in one call."""

    enrol: bool = False
    """Instead of both: its callers enrol their voice, in the language `source`."""

    on_demand: bool = False
    """The two talk to each other, nobody interprets, until one of them asks for it: see `interpreter.conf`."""


def dialplan(extensions: Iterable[Extension], application: str = APPLICATION) -> str:
    """The lines of `[calls]` for interpreted extensions; empty for none.

    Raises:
        SettingsError: a field holds something that the dialplan would read as something else.
    """
    lines = []
    for one in extensions:
        for what, value, allowed in (
            ("number", one.pattern, _PATTERN),
            ("language", one.source, _LANGUAGE),
            ("language", one.target, _LANGUAGE),
            *(() if one.enrol else [("room", one.room, _ROOM) if one.room else ("address", one.dial, _DIAL)]),
        ):
            if not allowed.fullmatch(value):
                raise SettingsError(f"{value!r} cannot be used as the {what} of an extension: correct it.")
        if one.on_demand:
            if one.room:
                raise SettingsError(f"The number {one.pattern} leads into a room: an interpreter on demand is for two.")
            lines += _on_demand(one)
            continue
        options = {
            "from": one.source,
            "to": one.target,
            "dial": one.dial,
            "room": one.room,
            "enrol": "yes" if one.enrol else "",
        }
        arguments = ",".join([application, *(f"{name}={value}" for name, value in options.items() if value)])
        lines += [f"exten => {one.pattern},1,Stasis({arguments})", f" same => n,Hangup({NOBODY_THERE})"]
    return "\n".join(lines)


def _on_demand(one: Extension) -> list[str]:
    """A call as any other, in which `*9` works; both channels know what it needs (`__`: the called one inherits it)."""
    known = {
        "DYNAMIC_FEATURES": "interpreter",
        "DRAGOMAN_CALL": "${UNIQUEID}",
        "DRAGOMAN_NUMBER": "${EXTEN}",
        "DRAGOMAN_FROM": one.source,
        "DRAGOMAN_TO": one.target,
    }
    steps = [f"Set(__{name}={value})" for name, value in known.items() if value]
    steps += [f"Dial({one.dial},{RING_S},gF(interpreter^over^1))", "Goto(interpreter,over,1)"]
    return [f"exten => {one.pattern},1,{steps[0]}", *(f" same => n,{step}" for step in steps[1:])]


def render(templates: Path, values: Mapping[str, str], folder: Path) -> list[Path]:
    """Write every `*.conf` of `templates` into `folder`, with `$name` replaced by `values["name"]`.

    A literal dollar sign is written `$$` in a template. Nothing is written unless everything fits.

    Raises:
        SettingsError: there are no templates, one is malformed or asks for a value that is not given, or a
            value is given that none asks for.
    """
    sources = sorted(templates.glob("*.conf"))
    if not sources:
        raise SettingsError(f"{templates} holds no *.conf templates: name the folder asterisk/templates.")
    unused = set(values)
    texts: dict[str, str] = {}
    for source in sources:
        template = Template(source.read_text(encoding="utf-8"))
        if not template.is_valid():
            raise SettingsError(f"{source} has a dollar sign that starts no name: write it as $$.")
        wanted = set(template.get_identifiers())
        if missing := sorted(wanted - set(values)):
            raise SettingsError(f"{source} asks for ${missing[0]}, which has no value: give it or remove it there.")
        unused -= wanted
        texts[source.name] = template.substitute(values)
    if unused:
        raise SettingsError(f"No template in {templates} asks for {', '.join(sorted(unused))}: remove the value.")
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in texts.items():
        path = folder / name
        # The ARI password is among them.
        path.touch()
        path.chmod(0o600)  # before the first byte, also of one that was there and was everybody's to read
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written
