"""The encoders on Triton: `ecapa_tdnn` or `campplus`, whichever is there, `gst`, and `xtts_conditioning`."""

from __future__ import annotations

from typing import Final, Literal

from controller.errors import EngineUnavailable
from controller.frames import Pcm
from controller.triton.client import TritonClient
from controller.triton.contracts import Embedding, Latents, condition, embed, forget

IDENTITIES: Final = ("ecapa_tdnn", "campplus")
"""In the order in which they are looked for."""

Identity = Literal["auto", "ecapa_tdnn", "campplus"]


class TritonEncoders:
    """All three of one server."""

    def __init__(self, triton: TritonClient, identity: Identity = "auto") -> None:
        """`identity`: the encoder of speakers that enrols; `auto` takes the first of IDENTITIES that answers."""
        self._triton = triton
        self._wanted: tuple[str, ...] = IDENTITIES if identity == "auto" else (identity,)
        self._identity: str | None = None

    async def identity(self, pcm: Pcm, network: str = "") -> Embedding:
        model = network if network in IDENTITIES else await self._found()
        return await embed(self._triton, pcm, model=model, output="IDENTITY")

    async def style(self, pcm: Pcm) -> Embedding:
        return await embed(self._triton, pcm, model="gst", output="STYLE")

    async def latents(self, pcm: Pcm, rate: int) -> Latents:
        return await condition(self._triton, pcm, rate)

    async def forget(self, latents: Latents | None) -> None:
        await forget(self._triton, latents)

    async def _found(self) -> str:
        """The encoder of speakers.

        Raises:
            EngineUnavailable: none is ready.
        """
        if self._identity is None:
            for name in self._wanted:
                if await self._triton.answers(name):
                    self._identity = name
                    break
            else:
                raise EngineUnavailable(
                    f"No encoder of speakers is ready on Triton ({' or '.join(self._wanted)}): run `dragoman export "
                    "campplus`, or `dragoman export ecapa --checkpoint FILE`",
                    engine=self._wanted[0],
                )
        return self._identity
