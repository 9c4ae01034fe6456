"""All settings in one tree, frozen once it is read: defaults, then a TOML file, then DRAGOMAN_* variables.

`DRAGOMAN_VAD__MODE=2` sets `mode` in `[vad]`. Every wrong value is told in one sentence.
"""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings import SettingsError as SourceError

from controller.errors import SettingsError

_FROZEN = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class AsteriskSettings(BaseModel):
    """Where Asterisk is and who we are to it."""

    model_config = _FROZEN
    url: str = Field(default="http://127.0.0.1:8088", pattern=r"^https?://[^/\s]+$")
    """Asterisk's HTTP server; ARI and the media sockets are below it"""
    user: str = Field(default="dragoman", min_length=1)
    """a user of ari.conf"""
    password: SecretStr = SecretStr("")
    """that user's; better in the variable than in the file"""
    app: str = Field(default="dragoman", pattern=r"^[A-Za-z0-9_-]+$")
    """the Stasis application that the dialplan names"""
    media: Literal["websocket", "audiosocket"] = "websocket"
    """what carries the audio: chan_websocket (Asterisk 22.8 or newer), or AudioSocket (at 16 kHz: since late 2025)"""
    audiosocket_host: str = Field(default="127.0.0.1", min_length=1)
    """for AudioSocket: the address on which we listen and Asterisk reaches us; whoever else reaches it is refused"""
    audiosocket_port: int = Field(default=0, ge=0, le=65535)
    """0 takes any free one"""
    ring_s: float = Field(default=30.0, gt=0, le=300)
    """how long the called party may ring, in seconds"""


class TritonSettings(BaseModel):
    """Where Triton is and how long it may take."""

    model_config = _FROZEN
    grpc: str = Field(default="127.0.0.1:8001", pattern=r"^[^/\s]+:\d+$")
    """host and port of its gRPC service"""
    stt_deadline_s: float = Field(default=5.0, gt=0, le=60)
    """time-out of one recognition, in seconds"""
    mt_deadline_s: float = Field(default=2.0, gt=0, le=60)
    """time-out of one translation"""
    first_chunk_s: float = Field(default=4.0, gt=0, le=60)
    """time-out of the first piece of a spoken translation"""
    gap_s: float = Field(default=2.0, gt=0, le=60)
    """time-out of every further piece; a cloned voice needs 8 where there is no GPU"""

    def patient(self) -> TritonSettings:
        """For who can wait, since no call does, or must, without a GPU: a voice is given up later."""
        return self.model_copy(update={"first_chunk_s": max(15.0, self.first_chunk_s), "gap_s": max(8.0, self.gap_s)})


class EngineSettings(BaseModel):
    """Which engines hear, translate and speak."""

    model_config = _FROZEN
    stt: str = "whisper"
    """the recogniser"""
    mt: str = "apertium"
    """the translator"""
    second_opinions: list[str] | None = None
    """translators asked where a translation lost a number, a name or a no; not set: those behind `mt`"""
    tts: str = "pico"
    """the voice"""
    identifier: str = "whisper"
    """the recogniser that finds out what a speaker speaks, where the call does not say; empty for none"""
    options: dict[str, dict[str, Any]] = {}
    """an engine's own settings, by its name"""


class FallbackSettings(BaseModel):
    """Which engines take over from one that fails, and when one counts as failing."""

    model_config = _FROZEN
    stt: list[str] | None = None
    """recognisers behind `engines.stt`, in order; not set: whisper behind deepgram, else none; [] for none"""
    mt: list[str] | None = None
    """translators behind `engines.mt`; not set: apertium behind deepl and neural, else none"""
    tts: list[str] | None = None
    """voices behind `engines.tts`; not set: pico behind xtts_v2, else none"""
    stt_patience_s: float = Field(default=1.5, gt=0, le=60)
    """so long after the end of an utterance its audio is given to the next recogniser"""
    mt_patience_s: float = Field(default=1.0, gt=0, le=60)
    """after so long without a translation the text is given to the next translator"""
    tts_patience_s: float = Field(default=2.0, gt=0, le=60)
    """after so long without a first sound the translation is given to the next voice"""
    stt_slow_s: float = Field(default=1.0, gt=0, le=60)
    """an answer that takes longer counts as a failure, of engines that another is behind"""
    mt_slow_s: float = Field(default=0.5, gt=0, le=60)
    """the same of translations"""
    tts_slow_s: float = Field(default=1.5, gt=0, le=60)
    """the same of first sounds; a cloned voice needs more where there is no GPU, and more patience too"""
    failures: int = Field(default=3, ge=1, le=100)
    """after so many failures in a row an engine is left alone"""
    error_rate: float = Field(default=0.5, gt=0, le=1)
    """or after so large a share of failures within half a minute, of ten answers or more"""
    open_s: float = Field(default=5.0, ge=0, le=600)
    """for so long at first; each time twice as long, up to a minute, until it has worked again"""
    barred_s: float = Field(default=300.0, ge=1, le=86400)
    """for so long where its key is wrong or its quota used up"""

    def patient(self, deadlines: TritonSettings) -> FallbackSettings:
        """For who can wait, as `TritonSettings.patient`: a voice has all of its time, and none is slow."""
        all_s = deadlines.first_chunk_s
        return self.model_copy(update={"tts_patience_s": all_s, "tts_slow_s": all_s})


class VadSettings(BaseModel):
    """When a speaker speaks."""

    model_config = _FROZEN
    mode: int = Field(default=3, ge=0, le=3)
    """0, lenient, to 3, strict"""
    endpoint_ms: float = Field(default=360, ge=100, le=3000)
    """silence that ends an utterance"""
    pause_ms: float = Field(default=140, ge=40, le=1000)
    """silence after which work on a possible end begins"""
    preroll_ms: float = Field(default=240, ge=0, le=1000)
    """audio kept from before the first voiced frame"""
    max_utterance_s: float = Field(default=7, ge=2, le=18)
    """in a longer utterance a breath ends it; without one it is cut at 1.5 times as much"""
    breath_ms: float = Field(default=120, ge=40, le=1000)
    """silence that ends a long utterance; above `endpoint_ms` it is as much as that"""


class EchoSettings(BaseModel):
    """A phone that sends back what is played to it."""

    model_config = _FROZEN
    enabled: bool = True
    """take the echo out, and interpret nothing that was only played"""


class PlaybackSettings(BaseModel):
    """What a listener hears of the original."""

    model_config = _FROZEN
    duck_db: float = Field(default=-24, ge=-60, le=0)
    """the original's gain under a translation; louder, and the translation is hard to follow where both talk at once"""
    ramp_ms: float = Field(default=80, ge=20, le=1000)
    """how long the gain takes down or up"""


class TokenSettings(BaseModel):
    """A token that is good for some things."""

    model_config = _FROZEN
    token: SecretStr = Field(min_length=1)
    scopes: list[Literal["calls:read", "calls:end", "speech", "voices:read", "voices:write"]]


class ApiSettings(BaseModel):
    """Health, metrics, calls, speech and voices, served by a process of their own."""

    model_config = _FROZEN
    host: str = "127.0.0.1"
    """the address to listen on"""
    port: int = Field(default=8090, ge=0, le=65535)
    """0 takes any free one"""
    token: SecretStr = SecretStr("")
    """what requests about calls, speech and voices must bear; without one, all may read calls, this machine do more"""
    tokens: dict[str, TokenSettings] = {}
    """others, by any name, that are good for some things: `{ desk = { token = "...", scopes = ["voices:read"] } }`"""
    speeches: int = Field(default=4, ge=0, le=100)
    """texts that are spoken at the same time for who asks the API, beside the calls; 0 speaks for nobody"""


class VoiceSettings(BaseModel):
    """Voice profiles: enrolled once, spoken with from then on. See docs/voices.md."""

    model_config = _FROZEN
    store: str = ""
    """a folder, or a URL that fsspec knows, as s3://bucket/voices; empty keeps no voices"""
    key: SecretStr = SecretStr("")
    """seals them where set (AES-256-GCM), and only then recordings are kept; better in the variable than in the file"""
    identity: Literal["auto", "ecapa_tdnn", "campplus"] = "auto"
    """Triton's model that tells who speaks; auto takes the first of both that is there"""
    most: int = Field(default=10_000, ge=1)
    """voices that are kept; one more is refused"""
    cached: int = Field(default=64, ge=1)
    """voices that are held in memory whole, 0.3 MB each; what they are found by is held of all"""
    requests: int = Field(default=30, ge=1, le=6000)
    """with recordings in them, that the API takes in a minute"""
    verified: dict[str, float] = {}
    """from which cosine on a recording is its owner's, where you know better: `{ "campplus:telephone" = 0.82 }`"""


class RecorderSettings(BaseModel):
    """The flight recorder: all of a call, its voices included, for `dragoman replay`. See docs/recording.md."""

    model_config = _FROZEN
    enabled: bool = False
    """whether calls are recorded at all"""
    consent: Literal["call", "always"] = "call"
    """`call`: only calls whose dialplan says record=yes; `always`: all, since everyone has consented elsewhere"""
    folder: Path = Path("recordings")
    """where to; a file a call"""
    key: SecretStr = SecretStr("")
    """encrypts them where set (AES-256-GCM); better in the variable than in the file"""


class LoggingSettings(BaseModel):
    """What is logged, and how."""

    model_config = _FROZEN
    format: Literal["text", "json"] = "text"
    """lines for a person, or for a program"""
    level: Literal["debug", "info", "warning", "error"] = "warning"
    """the least important that is logged; info tells each clause and delivery"""
    speech: bool = False
    """whether what was said may be logged"""


class CallSettings(BaseModel):
    """Which calls are taken."""

    model_config = _FROZEN
    limit: int = Field(default=50, ge=1, le=1000)
    """calls at the same time; one more is answered with busy"""
    allow: list[str] = ["*"]
    """the dialled numbers that are taken, `*` standing for anything; others are rejected"""
    participants: int = Field(default=8, ge=2, le=100)
    """in one room at the same time; one more is answered with busy"""
    source: str = Field(default="en", pattern=r"^[a-z]{2}$")
    """language of the caller where the dialplan names none (ISO 639-1)"""
    target: str = Field(default="es", pattern=r"^[a-z]{2}$")
    """language of the called party where the dialplan names none"""
    drain_s: float = Field(default=900.0, ge=0, le=86400)
    """told to stop by SIGTERM, the service takes no new calls and waits so long for those that are up, in seconds"""
    controls: bool = True
    """callers' keys: a star with 1, 2, 3, 0 or # asks for something (see the README); otherwise all are passed on"""


class LanguageSettings(BaseModel):
    """Who speaks what, where neither the dialplan nor a channel variable says so."""

    model_config = _FROZEN
    directory: dict[str, str] = {}
    """languages by number, `"+34*" = "es"`; the longest pattern that fits counts"""
    prefixes: dict[str, str] = {}
    """by the beginning of the dialled number: `"81" = "es"` for the called party, `"82" = "en-es"` for both"""
    identify: bool = True
    """listen what a speaker speaks, among the call's pair; otherwise the default is taken"""

    @field_validator("directory", "prefixes")
    @classmethod
    def _are_languages(cls, table: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        pattern, how = r"[a-z]{2}", "en"
        if info.field_name == "prefixes":
            pattern, how = r"[a-z]{2}(-[a-z]{2})?", "en, or a pair as en-es"
        for number, language in table.items():
            if not re.fullmatch(pattern, language):
                raise ValueError(f"{language!r} (for {number}) is no language: write it as {how}")
        return table


class Settings(BaseSettings):
    """The whole tree."""

    model_config = SettingsConfigDict(env_prefix="DRAGOMAN_", env_nested_delimiter="__", frozen=True, extra="forbid")
    asterisk: AsteriskSettings = AsteriskSettings()
    triton: TritonSettings = TritonSettings()
    engines: EngineSettings = EngineSettings()
    fallback: FallbackSettings = FallbackSettings()
    vad: VadSettings = VadSettings()
    echo: EchoSettings = EchoSettings()
    playback: PlaybackSettings = PlaybackSettings()
    api: ApiSettings = ApiSettings()
    calls: CallSettings = CallSettings()
    languages: LanguageSettings = LanguageSettings()
    voices: VoiceSettings = VoiceSettings()
    recorder: RecorderSettings = RecorderSettings()
    logging: LoggingSettings = LoggingSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Variables win over the file, which comes as keyword arguments."""
        return env_settings, init_settings


def load(file: Path | None = None, **overrides: dict[str, Any]) -> Settings:
    """Read the settings.

    Args:
        file: a TOML file; None for defaults and variables alone.
        overrides: values by table that win over everything.
    Raises:
        SettingsError: the file cannot be read, or a value is wrong.
    """
    tables: dict[str, Any] = {}
    if file is not None:
        try:
            tables = tomllib.loads(file.read_text())
        except OSError as error:
            raise SettingsError(f"The settings file {file} cannot be read: {error.strerror}.") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SettingsError(f"The settings file {file} is not TOML: {error}.") from error
    try:
        settings = Settings(**tables)
        # What a command was told outright wins over file and variables.
        changed = {name: _with(getattr(settings, name), table) for name, table in overrides.items()}
    except ValidationError as error:
        raise SettingsError("\n".join(_sentence(one, file) for one in error.errors())) from error
    except SourceError as error:
        raise SettingsError(f"A DRAGOMAN_* variable cannot be read: {error}.") from error
    _refuse_unknown_variables()
    return settings.model_copy(update=changed)


def from_tables(tables: dict[str, dict[str, Any]]) -> Settings:
    """The settings of a recorded call: what `tables` say, and defaults; no file and no variable.

    Raises:
        SettingsError: one of them is wrong, or was another version's.
    """
    if unknown := sorted(set(tables) - set(Settings.model_fields)):
        raise SettingsError(f"There is no settings table {unknown[0]}.")
    made = {}
    for name, field in Settings.model_fields.items():
        assert field.annotation is not None
        try:
            made[name] = field.annotation(**tables.get(name, {}))
        except ValidationError as error:
            first = error.errors()[0]
            path = ".".join([name, *map(str, first["loc"])])
            raise SettingsError(f"The setting {path} of the call cannot be used: {first['msg'].lower()}.") from error
    return Settings.model_construct(**made)


def _with(table: BaseModel, changes: dict[str, Any]) -> BaseModel:
    return type(table)(**{**table.model_dump(), **changes})


def _refuse_unknown_variables() -> None:
    """Raise SettingsError for a variable with `__` that names no table: a misspelling would go unnoticed."""
    for name in os.environ:
        table, separator, _ = name.removeprefix("DRAGOMAN_").lower().partition("__")
        if name.startswith("DRAGOMAN_") and separator and table not in Settings.model_fields:
            raise SettingsError(f"There is no settings table {table}; look for a misspelling in {name}.")


def _sentence(error: Any, file: Path | None) -> str:
    path = [str(part) for part in error["loc"]]
    variable = "DRAGOMAN_" + "__".join(part.upper() for part in path)
    where = f"in {file} or " if file else ""
    if error["type"] == "extra_forbidden":
        return f"There is no setting {'.'.join(path)}; look for a misspelling ({where}{variable})."
    message = error["msg"][0].lower() + error["msg"][1:]
    return f"The setting {'.'.join(path)} is {error['input']!r}: {message} ({where}{variable})."
