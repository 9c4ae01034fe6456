"""XTTS v2 for many listeners at once: every decoding step is shared by all who speak, and each hears as if alone.

    engine.py      two threads and the way in            requests.py   what is asked, and who asks
    scheduler.py   whose turn it is in the GPT            speaking.py   the GPT as the scheduler steps it
    track.py       one request from tokens to sound       vocoding.py   whose turn it is in the vocoder
    chunks.py      how much sound a chunk has             sound.py      rate and width of what is heard
    prefixes.py    what is kept of a voice               cores.py      whose the cores are
    settings.py    how one engine serves                  watch.py      what it tells of its work

Knows no server: `model_repository/xtts_v2` is one.
"""

from export.runtime.xtts.serving.engine import Engine
from export.runtime.xtts.serving.requests import Busy, Listener, Pcm, Request
from export.runtime.xtts.serving.settings import Serving
from export.runtime.xtts.serving.watch import End, Unwatched, Watch

__all__ = ["Busy", "End", "Engine", "Listener", "Pcm", "Request", "Serving", "Unwatched", "Watch"]
