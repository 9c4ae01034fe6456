"""What was said and not told yet: utterances that wait for their words, words that wait for their utterance's end.

Every word is told once, whatever connection it came over: a word that lies before the last one told, or is its other
half, was heard again after a replay. All times are the call's. Knows no connection.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from controller.engines.stt.deepgram.parsing import End, Heard, Said
from controller.frames import FRAME_S
from controller.messages import Span, SpeechEnded, Transcript, Word
from controller.text import fold, sentences

HANG_S: Final = 0.2
"""By so much Deepgram's end of speech may come before our detector's, which hangs on."""

SHORT_S: Final = 0.4
"""By so much what it finished when it was asked may end before the audio that it had got: less than any utterance."""

SURE_S: Final = 0.3
"""So much must have been heard beyond a cut in mid-speech for the words before it to count as what they are."""

LEAD_S: Final = 0.2
"""Silence in front of what is heard again, where there was some: words that begin at once are understood badly."""

_EPSILON_S: Final = 1e-6


@dataclass(slots=True, eq=False)
class Utterance:
    """One, from its start until it is told or given up."""

    start_s: float
    end: SpeechEnded | None = None
    bound_s: float = math.inf
    """Words whose middle lies before it are this utterance's: the end of its last frame, or where it was cut."""

    asked_s: float | None = None
    """Audio sent when Deepgram was asked to finish, in seconds of the connection that goes on now."""

    settled: bool = False
    """Nothing more of it will come."""

    blank: bool = False
    """Deepgram has told of its end, and there was nothing in it."""

    @property
    def cut(self) -> bool:
        """It has ended in mid-speech."""
        return self.end is not None and not self.end.pause


@dataclass(slots=True)
class Account:
    """Of one speaker."""

    speaker: str
    identify: bool
    """Whether transcripts say which language they are in."""

    open: deque[Utterance] = field(default_factory=deque)
    """Those that are not told, the oldest first; the last one may go on."""

    paused_s: float | None = None
    """The end of the last voiced frame, while the one that goes on is in a pause."""

    _words: list[Said] = field(default_factory=list)
    """Firm and not told, in order."""
    _firm_s: float = 0.0
    _last: str = ""
    """The end of the last firm word, and that word."""
    _final_s: float = 0.0
    """As far as finals go."""
    _silent_s: float = 0.0
    """As far as the last final goes after which Deepgram heard no speech."""
    _told_s: float = 0.0
    """As far as transcripts go."""
    _over_s: float = 0.0
    """As far as utterances go that ended in a pause or were given up: nothing before it is wanted any more."""

    @property
    def resume_s(self) -> float:
        """From here on a new connection is to hear all again."""
        return max(self._firm_s, self._final_s - LEAD_S, self._over_s)

    def started(self, index: int) -> None:
        """An utterance begins with frame `index`."""
        self.paused_s = None
        self.open.append(Utterance(max(index * FRAME_S, self._told_s)))

    def ended(self, event: SpeechEnded, next_index: int) -> Utterance:
        """The last one has ended; `next_index` is that of the first frame behind all that were heard of it."""
        self.paused_s = None
        utterance = self.open[-1]
        utterance.end = event
        utterance.bound_s = max(event.span.end_s, next_index * FRAME_S) if event.pause else event.span.end_s
        return utterance

    def give_up(self, utterance: Utterance, next_index: int) -> None:
        """It is not told; what comes of it later is dropped. `next_index`: the first frame that was not heard yet."""
        bound_s = next_index * FRAME_S if math.isinf(utterance.bound_s) else utterance.bound_s
        self.open.remove(utterance)
        self._words = [one for one in self._words if _middle_s(one) >= bound_s]
        self._firm_s, self._last = max(self._firm_s, bound_s), ""
        self._told_s = max(self._told_s, bound_s)
        self._over_s = max(self._over_s, bound_s)

    def reconnected(self) -> None:
        """What was asked over the old connection is not answered over the new one."""
        for one in self.open:
            one.asked_s = None
            one.blank = False

    def take(self, heard: Heard, sent_s: float, now_s: float) -> list[Transcript]:
        """What may be told now.

        Args:
            heard: on the call's clock.
            sent_s: the end of it on the connection's.
        """
        if not heard.final:
            return self._take_partial(heard, now_s)
        self._keep(heard.words)
        self._final_s = max(self._final_s, heard.end_s)
        if heard.end is not End.NONE:
            self._silent_s = max(self._silent_s, heard.end_s)
        if heard.end is End.ASKED:
            self._answered(sent_s)
        told = self.due(now_s)
        return told + self._committed(heard, now_s) if self.open else told

    def due(self, now_s: float) -> list[Transcript]:
        """What has ended and is told by what came before."""
        for one in self.open:
            if one.end is not None:
                end_s = one.end.span.end_s
                silent = not one.cut and end_s <= self._silent_s + HANG_S
                one.settled = one.settled or silent or end_s <= self._final_s + _EPSILON_S
        return self._closed(now_s)

    def settle(self, utterance: Utterance, now_s: float) -> list[Transcript]:
        """Nothing more of it will come."""
        utterance.settled = True
        return self._closed(now_s)

    def _take_partial(self, heard: Heard, now_s: float) -> list[Transcript]:
        if not self.open:
            return []
        head = self.open[0]
        mine = [one for one in self._fresh(heard.words) if _middle_s(one) < head.bound_s]
        if head.end is not None:
            end_s = head.end.span.end_s
            if head.cut and heard.end_s >= end_s + SURE_S:
                # To finish would break the word that is being spoken: so long ago, a partial is as good as a final.
                self._keep(mine)
                return self.settle(head, now_s)
            head.blank = not mine and heard.end_s >= end_s - HANG_S
        words = [*self._of(head), *mine]
        if not words:
            return []
        paused = self.paused_s is not None and heard.end_s >= self.paused_s - _EPSILON_S
        end_s = max(heard.end_s, head.start_s)
        draft = heard.eager or paused
        return [self._transcript(words, Span(self._from_s(head, end_s), end_s), end_s, draft=draft)]

    def _keep(self, words: Iterable[Said]) -> None:
        for one in self._fresh(words):
            self._words.append(one)
            self._firm_s, self._last = max(self._firm_s, one.end_s), one.text

    def _fresh(self, words: Iterable[Said]) -> list[Said]:
        """Those that were not heard before."""
        return [one for one in words if not self._is_known(one)]

    def _is_known(self, word: Said) -> bool:
        if _middle_s(word) < self._firm_s - _EPSILON_S:
            return True
        return word.start_s < self._firm_s - _EPSILON_S and fold(word.text) == fold(self._last)

    def _answered(self, sent_s: float) -> None:
        """What was asked has been done, for all audio up to `sent_s` on the connection's clock."""
        for one in self.open:
            one.settled = one.settled or (one.asked_s is not None and one.asked_s <= sent_s + SHORT_S)

    def _closed(self, now_s: float) -> list[Transcript]:
        told = []
        while self.open and self.open[0].settled:
            one = self.open.popleft()
            assert one.end is not None
            words = self._pop(self._of(one))
            end_s = one.end.span.end_s
            told.append(self._transcript(words, Span(self._from_s(one, end_s), end_s), now_s, end=one.end))
            self._told_s = max(self._told_s, end_s)
            if not one.cut:  # of a word across a cut the other half is still to come
                self._over_s = max(self._over_s, one.bound_s)
        return told

    def _committed(self, heard: Heard, now_s: float) -> list[Transcript]:
        """What is firm of an utterance that goes on: all where Deepgram hears its speaker pause, else whole sentences
        behind which they go on."""
        head = self.open[0]
        mine = self._of(head)
        if head.end is not None or not mine:
            return []
        if heard.end is End.NONE:
            whole = sentences(" ".join(one.text for one in mine))[:-1]
            mine = mine[: sum(len(one.split()) for one in whole)]
        if not mine:
            return []
        end_s = mine[-1].end_s
        span = Span(self._from_s(head, end_s), end_s)
        self._told_s = max(self._told_s, end_s)
        return [self._transcript(self._pop(mine), span, now_s, end=SpeechEnded(span, now_s, pause=False))]

    def _of(self, utterance: Utterance) -> list[Said]:
        return [one for one in self._words if _middle_s(one) < utterance.bound_s]

    def _pop(self, words: list[Said]) -> list[Said]:
        self._words = self._words[len(words) :]
        return words

    def _from_s(self, utterance: Utterance, end_s: float) -> float:
        return min(max(utterance.start_s, self._told_s), end_s)

    def _transcript(
        self,
        words: Sequence[Said],
        span: Span,
        decided_s: float,
        *,
        end: SpeechEnded | None = None,
        draft: bool = False,
    ) -> Transcript:
        language, share = _language(words) if self.identify else (None, 1.0)
        return Transcript(
            speaker=self.speaker,
            text=" ".join(one.text for one in words),
            words=tuple(Word(one.text, one.start_s, one.end_s) for one in words),
            span=span,
            final=end is not None,
            speech_final=end is not None and end.pause,
            decided_s=end.decided_s if end else decided_s,
            draft=draft,
            language=language,
            language_probability=share,
        )


def _middle_s(word: Said) -> float:
    return (word.start_s + word.end_s) / 2


def _language(words: Sequence[Said]) -> tuple[str | None, float]:
    """What most of them are in, and their share."""
    counted = Counter(one.language.partition("-")[0] for one in words if one.language)
    if not counted:
        return None, 1.0
    (language, count), *_ = counted.most_common(1)
    return language, count / len(words)
