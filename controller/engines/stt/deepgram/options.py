"""What may be said of Deepgram in the settings: `engines.options.deepgram`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from controller.errors import SettingsError

PATH: Final = "engines.options.deepgram"
KEY_VARIABLE: Final = "DEEPGRAM_API_KEY"
HOST: Final = "wss://api.deepgram.com"

_FROZEN: Final = ConfigDict(frozen=True, extra="forbid")


class Person(BaseModel):
    """What is known of one who speaks."""

    model_config = _FROZEN
    keyterms: list[str] = []
    """names and words that they are likely to say"""
    hints: list[str] = []
    """languages that they are likely to speak, where several are told apart"""


class Options(BaseModel):
    """The table; docs/deepgram.md tells them."""

    model_config = _FROZEN
    key: SecretStr = SecretStr("")
    """the variable DEEPGRAM_API_KEY counts where it is empty"""
    host: str = Field(default=HOST, pattern=r"^wss?://[^/\s]+$")
    """wss://api.eu.deepgram.com in the EU; your own, as ws://deepgram:8080, where you host it yourself"""
    model: Literal["nova-3", "flux-general-en", "flux-general-multi"] = "nova-3"
    keyterms: list[str] = []
    """names and words that anybody is likely to say"""
    people: dict[str, Person] = {}
    """by the participant's name in the call: a for the caller, b for the called party"""
    endpointing_ms: int = Field(default=300, ge=10, le=5000)
    """nova: silence that ends a sentence for Deepgram"""
    utterance_end_ms: int = Field(default=1000, ge=1000, le=5000)
    """nova: silence between words that ends what is said, where there is noise"""
    smart_format: bool = True
    """nova: numbers, dates and amounts as they are written"""
    eot_threshold: float = Field(default=0.7, ge=0.5, le=1.0)
    """flux: how sure it must be that a turn is over"""
    eager_eot_threshold: float | None = Field(default=0.5, ge=0.3, le=0.9)
    """flux: how sure, for work on a possible end to begin; none where it is not to"""
    mip_opt_out: bool = False
    """whether Deepgram may not learn from what is said; that may cost more"""
    deadline_s: float = Field(default=5.0, ge=0.5, le=30)
    """from the end of an utterance until it counts as lost"""

    @property
    def is_flux(self) -> bool:
        return self.model.startswith("flux")


def read(given: Mapping[str, Any]) -> Options:
    """The options of the settings, the key from the environment where they name none.

    Raises:
        SettingsError: one is unknown or wrong, or there is no key.
    """
    try:
        options = Options(**given)
    except ValidationError as error:
        first = error.errors()[0]
        path = ".".join([PATH, *map(str, first["loc"])])
        if first["type"] == "extra_forbidden":
            raise SettingsError(f"There is no setting {path}: look for a misspelling.") from error
        why = first["msg"][0].lower() + first["msg"][1:]
        raise SettingsError(f"The setting {path} cannot be used: {why}.") from error
    key = (options.key.get_secret_value() or os.environ.get(KEY_VARIABLE, "")).strip()
    if not key:
        raise SettingsError(
            f"The engine deepgram needs a key: set the variable {KEY_VARIABLE}, or key in {PATH}. Without one, whisper "
            "listens offline: leave STT=deepgram out, or set engines.stt to whisper."
        )
    if not key.isascii() or not key.isprintable():
        raise SettingsError(f"The key of deepgram ({KEY_VARIABLE}, or key in {PATH}) holds signs that no key has.")
    return options.model_copy(update={"key": SecretStr(key)})
