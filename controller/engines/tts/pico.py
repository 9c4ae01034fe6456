"""SVOX Pico on Triton: robotic but clear, 25 ms a sentence on one core, no key and no GPU."""

from __future__ import annotations

from controller.engines.registry import EngineContext
from controller.engines.tts.on_triton import TritonVoice
from controller.errors import SettingsError

LANGUAGES = frozenset({"en", "es", "fr", "de", "it"})


def make(context: EngineContext) -> TritonVoice:
    """The engine from its settings.

    Raises:
        SettingsError: an option was given; it has none.
    """
    if context.options:
        raise SettingsError("The engine pico has no options.")
    return TritonVoice(context.triton, context.deadlines, name="pico", model="pico", languages=LANGUAGES)
