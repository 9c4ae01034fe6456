"""A SIP user agent for one call at a time (RFC 3261 over UDP on loopback): its requests, and answers to Asterisk's.

Knows transactions and the dialog; knows nothing of audio but the descriptions that it is given.
"""

from __future__ import annotations

import asyncio
import secrets
from typing import Protocol, cast
from urllib.parse import quote

from controller.stack.ports import LOOPBACK
from tests.fakes.sip_phone import message
from tests.fakes.sip_phone.message import Message

FIRST_S = 0.5
"""RFC 3261's T1: after so long a request is sent again, then after twice as long."""

GIVEN_UP_S = 32.0

PHRASES = {180: "Ringing", 200: "OK", 481: "No such call", 486: "Busy Here", 487: "Terminated", 603: "Decline"}


class User(Protocol):
    """Whoever holds the phone."""

    def offer(self) -> str:
        """What the phone would like, as a description."""

    def answer(self, offer: str) -> str:
        """What it makes of the other side's offer."""

    def agreed(self, answer: str) -> None:
        """What the other side made of its offer."""

    def ringing(self) -> None:
        """Someone calls; `Agent.accept` or `Agent.refuse` is due."""

    def established(self) -> None:
        """The call is up."""

    def ended(self, status: int) -> None:
        """The call is over, or did not come about: the last status heard or given, 200 after a BYE."""


class Agent(asyncio.DatagramProtocol):
    """Bound to one port; `user` is told what happens."""

    def __init__(self, name: str, port: int, user: User) -> None:
        self.uri = f"sip:{name}@{LOOPBACK}:{port}"
        self._user = user
        self._port = port
        self._transport: asyncio.DatagramTransport
        self._peer = (LOOPBACK, 0)
        self._repeats: dict[str, asyncio.TimerHandle] = {}
        """What is sent again until it is answered, by branch (an answer of 200: by its request's branch)."""
        self._waiting: dict[str, asyncio.Future[Message]] = {}
        self._answers: dict[tuple[str, str], bytes] = {}
        """What was answered, by branch and method, for requests that come twice."""
        self._acks: dict[str, bytes] = {}
        self._invitation: Message | None = None
        """The INVITE that began the call, ours or theirs, until it is answered."""
        self._in_dialog = False
        self._call_id = ""
        self._local_tag = ""
        self._remote = ""
        """The other side as a From or To header has it, with its tag."""
        self._target = ""
        self._sequence = 1
        self._handed_over = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def close(self) -> None:
        for timer in self._repeats.values():
            timer.cancel()
        self._transport.close()

    async def dial(self, uri: str) -> None:
        """Call; returns when the call is established or has failed."""
        self._call_id, self._local_tag = secrets.token_hex(8), secrets.token_hex(4)
        host, _, port = uri.rpartition("@")[2].partition(":")
        self._peer = (host, int(port))
        self._remote, self._target, self._in_dialog = f"<{uri}>", uri, False
        self._invitation = invite = self._request("INVITE", self._user.offer())
        final = await self._transact(invite)
        self._invitation = None
        if final.status >= 300:
            self._send(self._ack(invite, final, invite.branch))
            self._user.ended(final.status)
            return
        self._confirm(invite, final)
        self._in_dialog = True
        self._user.agreed(final.body)
        self._user.established()

    async def reinvite(self) -> None:
        """Make the other side a new offer in the call.

        Raises:
            RuntimeError: it refused, or has hung up.
        """
        if not self._in_dialog:
            raise RuntimeError("There is no call to make a new offer in.")
        invite = self._request("INVITE", self._user.offer())
        final = await self._transact(invite)
        if final.status >= 300:
            self._send(self._ack(invite, final, invite.branch))
            raise RuntimeError(f"The new offer was refused: {final.start}")
        self._confirm(invite, final)
        self._user.agreed(final.body)

    @property
    def remote_uri(self) -> str:
        """Whom it talks to."""
        return message.uri_of(self._remote)

    @property
    def dialog(self) -> str:
        """The call it is in, as another's Refer-To names it (RFC 3891): what the other side is asked to replace."""
        to_tag = message.tag_of(self._remote)
        return quote(f"{self._call_id};to-tag={to_tag};from-tag={self._local_tag}", safe="")

    async def refer(self, uri: str) -> None:
        """Hand the call over to `uri` (RFC 3515), and hang up once that is done.

        Raises:
            RuntimeError: that was refused.
        """
        self._handed_over.clear()
        request = self._request("REFER")
        request.headers += [("Refer-To", f"<{uri}>"), ("Referred-By", f"<{self.uri}>")]
        final = await self._transact(request)
        if final.status >= 300:
            raise RuntimeError(f"The call was not handed over: {final.start}")
        await self._handed_over.wait()
        if self._in_dialog:
            await self.hang_up()

    async def hang_up(self) -> None:
        """BYE where the call is established; CANCEL or 486 where it rings."""
        if self._in_dialog:
            self._in_dialog = False
            final = await self._transact(self._request("BYE"))
            self._user.ended(final.status)
        elif self._invitation is not None and self._invitation["From"].startswith(f"<{self.uri}>"):
            invite = self._invitation
            cancel = Message(invite.start.replace("INVITE", "CANCEL"), list(invite.headers))
            cancel.headers = [
                (key, value.replace("INVITE", "CANCEL") if key == "CSeq" else value)
                for key, value in cancel.headers
                if key != "Contact"
            ]
            if timer := self._repeats.pop(invite.branch, None):
                timer.cancel()
            self._send(cancel.encode())  # its own answer tells nothing: the INVITE's 487 does
        else:
            self.refuse(486)

    def accept(self) -> None:
        """Take the call that rings."""
        assert self._invitation is not None, "nobody calls"
        invite, self._invitation = self._invitation, None
        body = self._user.answer(invite.body)
        self._in_dialog = True
        self._reply(invite, 200, body)
        self._repeat(invite.branch, self._answers[invite.branch, "INVITE"], FIRST_S)
        self._user.established()

    def refuse(self, status: int) -> None:
        """Do not take the call that rings."""
        assert self._invitation is not None, "nobody calls"
        invite, self._invitation = self._invitation, None
        self._reply(invite, status)
        self._user.ended(status)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        received = message.parse(data)
        if received.status:
            self._on_response(received)
        elif received.method == "ACK":
            for branch in [one for one in self._repeats if (one, "INVITE") in self._answers]:
                self._repeats.pop(branch).cancel()
        elif answered := self._answers.get((received.branch, received.method)):
            self._send(answered)
        else:
            self._peer = addr
            self._on_request(received)

    def _on_response(self, received: Message) -> None:
        branch, method = received.branch, received.method
        if branch in self._acks and received.status >= 200 and method == "INVITE":
            self._send(self._acks[branch])  # it was sent again: our ACK has not come
        waiting = self._waiting.get(branch)
        if waiting is None or method == "CANCEL":
            return
        if timer := self._repeats.pop(branch, None):
            timer.cancel()
        if received.status >= 200:
            del self._waiting[branch]
            waiting.set_result(received)

    def _on_request(self, request: Message) -> None:
        ours = request["Call-ID"] == self._call_id
        match request.method:
            case "INVITE" if ours and self._in_dialog:
                self._reply(request, 200, self._user.answer(request.body))
                self._repeat(request.branch, self._answers[request.branch, "INVITE"], FIRST_S)
            case "INVITE" if not self._in_dialog and self._invitation is None:
                self._incoming(request)
            case "INVITE":
                self._reply(request, 486)
            case "CANCEL" if ours and self._invitation is not None:
                self._reply(request, 200)
                self.refuse(487)
            case "BYE" if ours and self._in_dialog:
                self._in_dialog = False
                self._reply(request, 200)
                self._user.ended(200)
            case "NOTIFY" if request.body.startswith("SIP/2.0 200"):
                self._reply(request, 200)
                self._handed_over.set()
            case "OPTIONS" | "INFO" | "NOTIFY" | "UPDATE":
                self._reply(request, 200)
            case _:
                self._reply(request, 481)

    def _incoming(self, request: Message) -> None:
        self._invitation = request
        self._call_id, self._local_tag = request["Call-ID"], secrets.token_hex(4)
        self._remote, self._target = request["From"], message.uri_of(request["Contact"])
        self._sequence = 1
        self._reply(request, 180)
        self._user.ringing()

    def _request(self, method: str, body: str = "") -> Message:
        self._sequence += 1
        headers = [
            ("Via", f"SIP/2.0/UDP {LOOPBACK}:{self._port};branch={message.new_branch()}"),
            ("Max-Forwards", "70"),
            ("From", f"<{self.uri}>;tag={self._local_tag}"),
            ("To", self._remote),
            ("Call-ID", self._call_id),
            ("CSeq", f"{self._sequence} {method}"),
            ("Contact", f"<{self.uri}>"),
        ]
        return Message(f"{method} {self._target} SIP/2.0", headers, body)

    async def _transact(self, request: Message) -> Message:
        """Send until something answers; the final response."""
        self._waiting[request.branch] = asyncio.get_running_loop().create_future()
        self._repeat(request.branch, request.encode(), FIRST_S, at_once=True)
        try:
            return await self._waiting[request.branch]
        finally:
            self._waiting.pop(request.branch, None)

    def _confirm(self, invite: Message, final: Message) -> None:
        self._remote, self._target = final["To"], message.uri_of(final["Contact"])
        self._acks[invite.branch] = self._ack(invite, final, message.new_branch())
        self._send(self._acks[invite.branch])

    def _ack(self, invite: Message, final: Message, branch: str) -> bytes:
        headers = [
            ("Via", f"SIP/2.0/UDP {LOOPBACK}:{self._port};branch={branch}"),
            ("Max-Forwards", "70"),
            ("From", invite["From"]),
            ("To", final["To"]),
            ("Call-ID", invite["Call-ID"]),
            ("CSeq", invite["CSeq"].replace("INVITE", "ACK")),
        ]
        return Message(f"ACK {self._target} SIP/2.0", headers).encode()

    def _reply(self, request: Message, status: int, body: str = "") -> None:
        contact = self.uri if request.method == "INVITE" else ""
        answer = message.response(request, status, PHRASES[status], self._local_tag, body, contact).encode()
        self._answers[request.branch, request.method] = answer
        self._send(answer)

    def _repeat(self, key: str, data: bytes, after_s: float, *, at_once: bool = False) -> None:
        def again() -> None:
            self._send(data)
            if after_s < GIVEN_UP_S / 2:
                self._repeat(key, data, 2 * after_s)

        if at_once:
            self._send(data)
        self._repeats[key] = asyncio.get_running_loop().call_later(after_s, again)

    def _send(self, data: bytes) -> None:
        self._transport.sendto(data, self._peer)
