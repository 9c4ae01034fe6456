"""The store and its keeper as the settings name them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from controller.engines.embed.on_triton import TritonEncoders
from controller.errors import SettingsError, VoiceError
from controller.settings import VoiceSettings
from controller.triton.client import TritonClient
from controller.voices.keeper import Keeper
from controller.voices.library import Library
from controller.voices.objects import at
from controller.voices.on_calls import OwnVoices
from controller.voices.store import VoiceStore


def store_of(settings: VoiceSettings) -> VoiceStore:
    """The store that the settings name.

    Raises:
        SettingsError: they name none, or nothing here reaches it.
    """
    if not settings.store:
        raise SettingsError("No voices are kept: name a folder or a URL in voices.store (DRAGOMAN_VOICES__STORE).")
    try:
        return VoiceStore(at(settings.store), settings.key.get_secret_value(), settings.most)
    except VoiceError as error:
        raise SettingsError(f"The setting voices.store cannot be used: {error}") from error


@dataclass(frozen=True, slots=True)
class Voices:
    """All that a process does with the voices of one store, on one library of them."""

    library: Library
    encoders: TritonEncoders
    verified: Mapping[str, float]

    @property
    def keeper(self) -> Keeper:
        return Keeper(self.library, self.encoders, self.verified)

    def on_calls(self) -> OwnVoices:
        return OwnVoices(self.library, self.encoders, self.verified)


def voices_of(settings: VoiceSettings, triton: TritonClient) -> Voices:
    """The voices of the settings' store.

    Raises:
        SettingsError: as `store_of`.
    """
    library = Library(store_of(settings), settings.cached)
    return Voices(library, TritonEncoders(triton, settings.identity), settings.verified)


def keeper_of(settings: VoiceSettings, triton: TritonClient) -> Keeper:
    """What keeps the voices of the settings' store.

    Raises:
        SettingsError: as `store_of`.
    """
    return voices_of(settings, triton).keeper
