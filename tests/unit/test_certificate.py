"""Certificates as a server shows them: how long phones can trust them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from controller.pbx.certificate import trouble
from controller.stack.ports import LOOPBACK
from tests.certificates import certificate
from tests.tls_server import tls_server


@pytest.mark.parametrize(
    ("days", "seen"), [(-1, "has expired"), (3, "expires in 3 days"), (13, "expires in 13 days"), (60, None)]
)
def test_the_dates_of_a_certificate(days: int, seen: str | None, tmp_path: Path) -> None:
    async def main() -> str | None:
        async with tls_server(certificate(tmp_path, days=days)) as port:
            return await asyncio.to_thread(trouble, LOOPBACK, port)

    assert asyncio.run(main()) == seen


def test_who_does_not_speak_tls_is_told() -> None:
    async def main() -> str | None:
        async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"SIP/2.0 400 Bad Request\r\n\r\n")
            writer.close()

        server = await asyncio.start_server(met, LOOPBACK, 0)
        port = server.sockets[0].getsockname()[1]
        try:
            return await asyncio.to_thread(trouble, LOOPBACK, port)
        finally:
            server.close()
            await server.wait_closed()

    said = asyncio.run(main())
    assert said is not None and "does not answer as TLS" in said
    nobody = trouble(LOOPBACK, 9)
    assert nobody is not None and "127.0.0.1:9 does not answer" in nobody
