"""How one engine serves; whoever runs it reads these from where its settings lie."""

from __future__ import annotations

from dataclasses import dataclass

from export.runtime.session import Provider
from export.runtime.xtts.gpt import Precision


@dataclass(frozen=True, slots=True)
class Serving:
    """Settings of an engine.

    Raises:
        ValueError: one of them cannot be.
    """

    slots: int = 8
    """Utterances that are spoken at a time, from their admission to their last sound; each has a row of the GPT."""
    most_waiting: int = 32
    """Utterances that may wait for a slot; one more is told that the engine is busy."""
    positions: int | None = None
    """What a row has room for (conditioning, text and audio tokens); None is enough for whatever the model can say."""
    prompt_piece: int = 32
    """Positions of a prompt that are run in one go, between two steps of those who speak already. Part of what is
    computed: another number gives sound that differs in its last bits, and with `quick_prefill` another saying."""
    precision: Precision = "8bit"
    """Of the GPT."""
    quick_prefill: bool = False
    """Whether prompts run through a graph of their own: sooner by half, a little coarser, 385 MB more memory."""
    threads: int = 0
    """That work on one step; 0 takes all cores."""
    vocoder_threads: int = 0
    """That work on one vocoding; 0 takes all cores."""
    spinning: bool = False
    """Whether those threads burn their core for a moment while they wait. Others need the cores too, so not by
    default."""
    overlap: bool = False
    """Whether a step and a vocoding may run at the same time: where there are cores for both, or a GPU. Otherwise they
    take turns, and while somebody who has a slot has had no sound yet, only first chunks are vocoded."""
    provider: Provider = "cpu"
    """What the graphs run on. Nothing but "cpu" has ever been run: there was no GPU. A GPU wants `precision` "fp16" and
    does well with `overlap`; with "tensorrt" the vocoder is TensorRT's and the GPT is CUDA's."""
    prefix_ttl_s: float = 600.0
    """Seconds that a voice's keys and values are kept after their last use."""
    most_prefixes: int = 16
    """Voices whose keys and values are kept, 7.9 MB each; 0 keeps none."""
    first_s: float = 0.149
    """Seconds of sound in the first chunk: these are 7 audio tokens."""
    least_s: float = 0.5
    """Of each later one, unless the utterance ends: every chunk costs the vocoder 0.09 s of sound besides its own."""
    hurried_s: float = 0.8
    """Of a chunk at most, while fewer than half of the slots are taken, or somebody who has one has had no sound yet:
    whoever comes waits for no more than this."""
    most_s: float = 2.2
    """Of a chunk at most, while half of the slots are taken or more and everybody has had sound: the vocoder is what
    they wait for, and long chunks cost it least."""
    sentence_pause_s: float = 0.25
    """Silence between two pieces of a text where a sentence ends."""
    clause_pause_s: float = 0.08
    """The same where none ends."""

    def __post_init__(self) -> None:
        for name, least in _LEAST.items():
            if getattr(self, name) < least:
                raise ValueError(f"{name} is {getattr(self, name)}: give {least} or more")
        if not self.least_s <= self.hurried_s <= self.most_s:
            raise ValueError(f"a chunk has {self.least_s}, {self.hurried_s} and {self.most_s} s: they must not fall")
        if self.provider != "cpu" and (self.precision != "fp16" or self.quick_prefill):
            raise ValueError(f"provider {self.provider} runs precision fp16 alone, without quick_prefill")


_LEAST = {
    "slots": 1,
    "most_waiting": 0,
    "prompt_piece": 1,
    "threads": 0,
    "vocoder_threads": 0,
    "prefix_ttl_s": 0,
    "most_prefixes": 0,
    "first_s": 0.001,
    "least_s": 0.001,
    "sentence_pause_s": 0,
    "clause_pause_s": 0,
}
