"""The API process: `python -m controller.api HTTP_FD SNAPSHOT_FD`. Ends when the call process does."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import sys

import uvicorn

from controller.api import speaking
from controller.api.app import Snapshot, make_app
from controller.api.keeping import take_over
from controller.api.link import MAX_SNAPSHOT_BYTES, SPEECH, TOKEN, VOICES
from controller.api.speaking import Speaking
from controller.errors import SettingsError
from controller.voices.library import Library

log = logging.getLogger(__name__)


async def _follow(link: socket.socket, snapshot: Snapshot, server: uvicorn.Server) -> None:
    loop = asyncio.get_running_loop()
    while message := await loop.sock_recv(link, MAX_SNAPSHOT_BYTES):
        snapshot.update(json.loads(message))
    server.should_exit = True


async def _serve(http_fd: int, snapshot_fd: int) -> None:
    snapshot = Snapshot()
    link = socket.socket(fileno=snapshot_fd)
    link.setblocking(False)

    def end(name: str) -> bool:
        try:
            link.send(json.dumps({"end": name}).encode())
        except OSError:
            return False
        return True

    keeping, scoped = take_over(os.environ.get(VOICES, ""))
    library = keeping.keeper.library if keeping else None
    if library is not None:
        await library.open()
    app = make_app(snapshot, end, os.environ.get(TOKEN, ""), _speaking(library), keeping, scoped)
    config = uvicorn.Config(
        app,
        fd=http_fd,
        log_level="warning",
        lifespan="off",
        ws="none",  # it has none; else what is installed for Deepgram would be loaded for it
        timeout_graceful_shutdown=1,
        proxy_headers=False,  # X-Forwarded-For is what anyone says: it must not make a caller this machine
    )
    server = uvicorn.Server(config)
    follower = asyncio.create_task(_follow(link, snapshot, server))
    await server.serve(sockets=[socket.socket(fileno=http_fd)])
    follower.cancel()
    if library is not None:
        await library.close()


def _speaking(library: Library | None) -> Speaking | None:
    """What speaks for whoever asks; None where nothing is to, or can."""
    told = os.environ.get(SPEECH, "")
    try:
        return speaking.take_over(told, library) if told else None
    except SettingsError as error:  # it could be made when the service began: a voice file has changed since
        log.error("the API speaks for nobody: %s", error)
        return None


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), int(sys.argv[2])))
