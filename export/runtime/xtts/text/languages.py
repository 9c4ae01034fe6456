"""The 17 languages of XTTS v2: how each is named to the model, how much text it takes at once, what it needs.

Knows no text. The names and limits are the reference's (coqui-tts 0.28, `layers/xtts/tokenizer.py`).
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass


class TextError(ValueError):
    """What cannot be made into the model's input, in one sentence for whoever asked."""


class UnknownLanguage(TextError):
    """XTTS does not speak it."""


class MissingPackage(TextError):
    """The language needs a package that is not installed; the other languages do not."""


@dataclass(frozen=True, slots=True)
class Language:
    """What the front end must know of one language."""

    code: str
    """Two letters, ISO 639-1."""
    limit: int
    """Characters that may be spoken in one go. Beyond them the model runs out of audio positions and the end is cut."""
    tag: str = ""
    """How the model's vocabulary calls it, if not by its code."""
    packages: tuple[str, ...] = ()
    """Modules that turn its script into Latin letters; imported when it is first spoken."""
    ends: str = ".!?…"
    """Characters a sentence ends with."""
    dotted_ordinals: bool = False
    """Whether "3." followed by a word is "third", so that its full stop is no sentence's end."""

    @property
    def prefix(self) -> str:
        """What its texts begin with."""
        return f"[{self.tag or self.code}]"


_CJK_ENDS = ".!?…。！？｡"

LANGUAGES = {
    language.code: language
    for language in (
        Language("ar", 166, ends=".!?…؟۔"),
        Language("cs", 186, dotted_ordinals=True),
        Language("de", 253, dotted_ordinals=True),
        Language("en", 250),
        Language("es", 239),
        Language("fr", 273),
        Language("hi", 150, ends=".!?…।॥"),
        Language("hu", 224, dotted_ordinals=True),
        Language("it", 213),
        Language("ja", 71, packages=("cutlet", "fugashi", "unidic_lite"), ends=_CJK_ENDS),
        Language("ko", 95, packages=("ko_speech_tools",), ends=_CJK_ENDS),
        Language("nl", 251),
        Language("pl", 224, dotted_ordinals=True),
        Language("pt", 203),
        Language("ru", 182),
        Language("tr", 226, dotted_ordinals=True),
        Language("zh", 82, tag="zh-cn", packages=("pypinyin",), ends=_CJK_ENDS),
    )
}


def find(name: str) -> Language:
    """The language called `name`: "en", "en-US", "pt_BR", "zh-cn".

    Raises:
        UnknownLanguage: it is none of the 17.
    """
    code = name.strip().lower().replace("_", "-").split("-")[0]
    if code not in LANGUAGES:
        raise UnknownLanguage(f"XTTS does not speak {name!r}: it speaks {', '.join(LANGUAGES)}.")
    return LANGUAGES[code]


def missing(language: Language) -> list[str]:
    """Its packages that are not installed here, as they are called when installing them."""
    return [name.replace("_", "-") for name in language.packages if importlib.util.find_spec(name) is None]


def check(language: Language) -> None:
    """Raises:
    MissingPackage: a package of this language is not installed.
    """
    if absent := missing(language):
        raise MissingPackage(
            f"Text in {language.code!r} needs {' and '.join(absent)} beside the model: install "
            f"{'it' if len(absent) == 1 else 'them'}, or speak another language meanwhile."
        )
