"""SIP messages (RFC 3261) as text: what a phone on loopback needs to read and write, no more."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field


@dataclass(slots=True)
class Message:
    """A request or a response."""

    start: str
    """Its first line."""

    headers: list[tuple[str, str]] = field(default_factory=list)
    body: str = ""

    @property
    def method(self) -> str:
        """Of a request; of a response, that of the request it answers."""
        return self["CSeq"].split()[1] if self.status else self.start.split(maxsplit=1)[0]

    @property
    def status(self) -> int:
        """0 for a request."""
        return int(self.start.split()[1]) if self.start.startswith("SIP/2.0") else 0

    @property
    def branch(self) -> str:
        """What names the transaction: the topmost Via's branch."""
        found = re.search(r"branch=([^;,\s]+)", self["Via"])
        return found[1] if found else ""

    def __getitem__(self, name: str) -> str:
        """The first header of that name; empty where there is none."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def encode(self) -> bytes:
        lines = [self.start, *(f"{name}: {value}" for name, value in self.headers)]
        if self.body:
            lines.append("Content-Type: application/sdp")
        lines.append(f"Content-Length: {len(self.body)}")
        return ("\r\n".join(lines) + "\r\n\r\n" + self.body).encode()


def parse(data: bytes) -> Message:
    head, _, body = data.decode().partition("\r\n\r\n")
    start, *lines = head.split("\r\n")
    headers = [(name.strip(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    return Message(start, headers, body)


def response(request: Message, status: int, phrase: str, tag: str, body: str = "", contact: str = "") -> Message:
    """What answers `request`; `tag` is ours for the dialog."""
    to = request["To"] if "tag=" in request["To"] else f"{request['To']};tag={tag}"
    headers = [("Via", via) for via in request.all("Via")]
    headers += [("From", request["From"]), ("To", to), ("Call-ID", request["Call-ID"]), ("CSeq", request["CSeq"])]
    if contact:
        headers.append(("Contact", f"<{contact}>"))
    return Message(f"SIP/2.0 {status} {phrase}", headers, body)


def tag_of(header: str) -> str:
    found = re.search(r"tag=([^;,\s]+)", header)
    return found[1] if found else ""


def uri_of(header: str) -> str:
    """The address between angle brackets, or the whole where there are none."""
    found = re.search(r"<([^>]+)>", header)
    return found[1] if found else header.split(";", maxsplit=1)[0]


def new_branch() -> str:
    return f"z9hG4bK{secrets.token_hex(8)}"
