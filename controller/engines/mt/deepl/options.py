"""What may be said of DeepL in the settings: `engines.options.deepl`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from controller.engines.mt.deepl.wire import LANGUAGES, language
from controller.errors import SettingsError

PATH: Final = "engines.options.deepl"
KEY_VARIABLE: Final = "DEEPL_AUTH_KEY"
PAID_HOST: Final = "https://api.deepl.com"
FREE_HOST: Final = "https://api-free.deepl.com"


class Options(BaseModel):
    """The table; docs/deepl.md tells them."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    key: SecretStr = SecretStr("")
    """the variable DEEPL_AUTH_KEY counts where it is empty"""
    host: str = Field(default="", pattern=r"^(https?://[^/\s]+)?$")
    """empty takes DeepL's own, the free one for a key that ends with :fx"""
    deadline_s: float = Field(default=0.9, ge=0.2, le=30)
    """of a translation, its second try included; below `fallback.mt_patience_s`"""
    formality: Literal["default", "more", "less", "prefer_more", "prefer_less"] = "default"
    """more and less are sent as prefer_more and prefer_less"""
    glossaries: dict[str, str] = {}
    """ids by pair: "en-es" = "..." """
    targets: dict[str, str] = {}
    """which kind of a language: en = "EN-GB", pt = "PT-BR" """
    cache: int = Field(default=2000, ge=0, le=1_000_000)
    """translations kept"""
    characters_per_day: int = Field(default=0, ge=0)
    characters_per_month: int = Field(default=0, ge=0)

    @field_validator("glossaries")
    @classmethod
    def _by_pair(cls, table: dict[str, str]) -> dict[str, str]:
        made = {}
        for pair, glossary in table.items():
            source, dash, target = pair.partition("-")
            if not dash or language(source) not in LANGUAGES or language(target) not in LANGUAGES:
                raise ValueError(f"{pair!r} is no pair of DeepL's languages: write it as en-es")
            made[f"{language(source)}-{language(target)}"] = glossary
        return made

    @field_validator("targets")
    @classmethod
    def _by_language(cls, table: dict[str, str]) -> dict[str, str]:
        for code, target in table.items():
            if language(code) not in LANGUAGES or not target.lower().startswith(f"{language(code)}-"):
                raise ValueError(f'{code!r} = {target!r} is no kind of a language: write it as en = "EN-GB"')
        return {language(code): target for code, target in table.items()}

    @property
    def where(self) -> str:
        """The host's URL."""
        return self.host or (FREE_HOST if self.key.get_secret_value().endswith(":fx") else PAID_HOST)


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
            known = ", ".join(Options.model_fields)
            raise SettingsError(f"There is no setting {path}: it has {known}.") from error
        why = first["msg"][0].lower() + first["msg"][1:]
        raise SettingsError(f"The setting {path} cannot be used: {why}.") from error
    key = (options.key.get_secret_value() or os.environ.get(KEY_VARIABLE, "")).strip()
    if not key:
        raise SettingsError(
            f"The engine deepl needs a key: set the variable {KEY_VARIABLE}, or key in {PATH}. Without one, apertium "
            "translates offline: leave MT=deepl out, or set engines.mt to apertium."
        )
    if not key.isascii() or not key.isprintable():
        raise SettingsError(f"The key of deepl ({KEY_VARIABLE}, or key in {PATH}) holds signs that no key has.")
    return options.model_copy(update={"key": SecretStr(key)})
