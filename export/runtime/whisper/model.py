"""Whisper on CTranslate2: recordings of one window in, texts with scores out.

Knows nothing of queues: who shares a batch is decided by `export.runtime.batching`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from export.runtime.mel import WHISPER, Float, LogMel
from export.runtime.silero import Silero
from export.runtime.whisper import gate, tokens
from export.runtime.whisper.ladder import SAMPLE_RATE, WINDOWS_S

TOKENS_A_SECOND = 10
"""Fast speech has under 8; a decode that loops must end."""

LATEST_FIRST_STAMP = 50
"""The first time stamp may be at most this many ticks (1 s) into the audio, as in openai/whisper."""

NOTHING_LOGPROB = -10.0
"""The score of a recording that was never decoded, since no speech was found in it."""


@dataclass(frozen=True, slots=True)
class Recording:
    """What is to be recognised."""

    pcm: NDArray[np.int16]
    """int16[n] at 16 kHz."""
    languages: tuple[str, ...]
    """One code, or several among which the spoken one is identified."""
    window_s: float


@dataclass(frozen=True, slots=True)
class Result:
    """What was said. `text` is empty and `words` too where the gate dropped it; the scores tell why."""

    text: str
    words: list[tokens.Word]
    language: str
    language_probability: float
    """Among the languages asked for; 1.0 where there was one."""
    logprob: float
    """Mean log-probability a token."""
    no_speech: float
    """Probability that nobody speaks."""
    dropped_by: str = ""
    """Which gate found no speech: `voice_activity` before the decode, `scores` after it; empty for speech."""

    @property
    def decoded(self) -> bool:
        return self.dropped_by != "voice_activity"


class Whisper:
    """One model, used by one thread at a time."""

    def __init__(self, folder: Path, silero: Silero, *, device: str, compute_type: str, threads: int) -> None:
        """Load the CTranslate2 folder `folder`; `threads` work on one batch."""
        import ctranslate2
        import tokenizers

        self._device = device
        self._storage = ctranslate2.StorageView.from_array
        self._model = ctranslate2.models.Whisper(
            str(folder), device=device, compute_type=compute_type, intra_threads=threads, inter_threads=1
        )
        self._tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._silero = silero
        self._mel = LogMel(replace(WHISPER, n_mels=self._model.n_mels))
        self._end_of_text = self._token("<|endoftext|>")
        self._first_stamp = self._token("<|notimestamps|>") + 1
        self.multilingual: bool = self._model.is_multilingual
        self.languages = _languages(self._tokenizer.get_vocab()) if self.multilingual else {"en"}
        """The codes it understands."""

    def check_languages(self, codes: Sequence[str]) -> None:
        """Raise ValueError, naming the code, where one is unknown."""
        for code in codes:
            if code not in self.languages:
                raise ValueError(f"whisper has no language {code!r}: use a two-letter code such as en or es")
        if not codes:
            raise ValueError("whisper was given no language: name one, or several joined by commas")

    def recognise(self, batch: Sequence[Recording]) -> list[Result]:
        """Recognise recordings that share one window; a result does not depend on the others in the batch."""
        results: list[Result | None] = [None] * len(batch)
        spoken: list[int] = []
        sounds = [recording.pcm.astype(np.float32) / 32768.0 for recording in batch]
        for index, sound in enumerate(sounds):
            heard, probability = self._silero.hears_speech(sound)
            if heard:
                spoken.append(index)
            else:
                results[index] = _nothing(batch[index], 1.0 - probability)
        if spoken:
            chosen = [batch[index] for index in spoken]
            decoded = self._decode(chosen, [sounds[index] for index in spoken])
            for index, result in zip(spoken, decoded, strict=True):
                results[index] = result
        return [result for result in results if result is not None]

    def warm_up(self) -> None:
        """Decode a moment of silence, so that the first caller does not pay for what is made on first use."""
        silence = np.zeros(SAMPLE_RATE, np.float32)
        language = "en" if "en" in self.languages else min(self.languages)
        self._silero.hears_speech(silence)
        self._decode([Recording(silence.astype(np.int16), (language,), WINDOWS_S[0])], [silence])

    def _decode(self, batch: list[Recording], sounds: list[NDArray[np.float32]]) -> list[Result]:
        window = batch[0].window_s
        encoded = self._encode([self._mel(_fitted(sound, window)) for sound in sounds])
        languages = self._identify(batch, encoded)
        prompts = [self._prompt(language) for language, _ in languages]
        generated = self._model.generate(
            encoded,
            prompts,
            beam_size=1,
            # From the window, not from the sound: within a batch there is one limit, and sharing must change nothing.
            max_length=min(448, 22 + int(TOKENS_A_SECOND * window)),
            return_scores=True,
            return_no_speech_prob=True,
            max_initial_timestamp_index=LATEST_FIRST_STAMP,
        )
        return [
            self._result(recording, language, one)
            for recording, language, one in zip(batch, languages, generated, strict=True)
        ]

    def _encode(self, features: list[Float]) -> object:
        if len(features) == 1 or self._device != "cpu":
            return self._model.encode(self._storage(np.stack(features)), to_cpu=False)
        # On a CPU encoding gains nothing from company and loses the cache over it (1.4 times the cost for four windows
        # of 15 s); decoding costs half. So each is encoded alone and all are decoded together.
        alone = [self._model.encode(self._storage(one[None]), to_cpu=False) for one in features]
        return self._storage(np.concatenate([np.array(one) for one in alone]))

    def _identify(self, batch: list[Recording], encoded: object) -> list[tuple[str, float]]:
        if all(len(recording.languages) == 1 for recording in batch):
            return [(recording.languages[0], 1.0) for recording in batch]
        found = []
        for recording, ranking in zip(batch, self._model.detect_language(encoded), strict=True):
            odds = {token[2:-2]: probability for token, probability in ranking}
            among = {code: odds.get(code, 0.0) for code in recording.languages}
            best = max(among, key=among.__getitem__)
            total = sum(among.values())
            found.append((best, among[best] / total if total else 1.0 / len(among)))
        return found

    def _result(self, recording: Recording, language: tuple[str, float], generated: object) -> Result:
        logprob = float(generated.scores[0])  # type: ignore[attr-defined]
        no_speech = float(generated.no_speech_prob)  # type: ignore[attr-defined]
        ids = generated.sequences_ids[0]  # type: ignore[attr-defined]
        found = tokens.segments(
            ids,
            duration_s=len(recording.pcm) / SAMPLE_RATE,
            end_of_text=self._end_of_text,
            first_stamp=self._first_stamp,
        )
        said = tokens.text(found, self._tokenizer.decode)
        if not gate.is_speech(logprob, no_speech, len(ids), said):
            return Result("", [], *language, logprob, no_speech, dropped_by="scores")
        return Result(said, tokens.words(found, self._tokenizer.decode), *language, logprob, no_speech)

    def _prompt(self, language: str) -> list[int]:
        start = [self._token("<|startoftranscript|>")]
        if not self.multilingual:
            return start
        return [*start, self._token(f"<|{language}|>"), self._token("<|transcribe|>")]

    def _token(self, name: str) -> int:
        number = self._tokenizer.token_to_id(name)
        if number is None:
            raise ValueError(f"tokenizer.json has no {name}: this is not a Whisper folder")
        return int(number)


def _languages(vocabulary: Iterable[str]) -> set[str]:
    marks = (token[2:-2] for token in vocabulary if token.startswith("<|") and token.endswith("|>"))
    return {mark for mark in marks if len(mark) in (2, 3) and mark.isalpha()}


def _fitted(sound: NDArray[np.float32], window_s: float) -> NDArray[np.float32]:
    size = int(window_s * SAMPLE_RATE)
    return np.pad(sound[:size], (0, max(0, size - len(sound))))


def _nothing(recording: Recording, no_speech: float) -> Result:
    odds = 1.0 / len(recording.languages)
    return Result("", [], recording.languages[0], odds, NOTHING_LOGPROB, no_speech, dropped_by="voice_activity")
