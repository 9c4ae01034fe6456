"""`make bench-tts-server`: XTTS on the real Triton, as a listener hears it, beside coqui-tts's own stream.

Both have the same structural weights (random, of the real sizes), the same voice, the same text, and say 60 audio
tokens of it (2.8 seconds of speech): nothing that is timed depends on what weights were trained for. coqui-tts is told
so as a caller may (`min_new_tokens`, `max_new_tokens`). Triton's contract has no such inputs, and gets none for a
bench:

- At most so many: the bench serves a copy of the model whose `model.json` says that no utterance has more audio tokens,
  with as much of the table of their positions. Its rows of keys and values have the room that they always have.
- At least so many: random weights of the full size end an utterance after some fifteen tokens. So that `model.json`
  also names another token as the one that ends it: the one that begins it, which is penalised from the first step on
  and all but never drawn. What is computed for a token is the same. The bench tries seeds and speaks with those that
  say all of it; how many tokens were said is told by the sound, and has a bound of its own.

Everything is taken where a caller is: chunks as they come out of gRPC (`controller.triton.contracts.synthesize`), at
24 kHz; with coqui-tts, out of `inference_stream` with its default chunks, in its own process, one utterance after the
other, which is all it can. The clock runs from the request, with text and voice in it. Our server has spoken in this
voice before, as in a call, and keeps what it computed of it; coqui-tts has no such memory.

- **First audio**: when 149 ms of sound are there. **Second chunk**: when the one after the first chunk came.
- **Gap**: between two chunks of an utterance.
- **Gapless start**: when a player of 20 ms frames may begin, at the earliest, so that every frame is there when it is
  due.
- **Tokens a second**: all tokens of all streams over the time from the first request to the last chunk.
- **Real-time factor**: that time over all seconds of sound: work for a second of speech, all streams together.
- **Memory**: the most that the model's process had while it was measured, and the keys and values in it.

Arrivals are 300 ms apart or all at once. Engines take turns within each round, each round begun with another row. What
a quicker vocoder would give is not measured but computed, from the seconds that the model's metrics say it took.

    player.py    what a listener has of chunks          asking.py    utterances out of Triton
    serving.py   the model, and Triton on it            gauges.py    its metrics and its memory
    sides.py     both engines, each measured its way    rows.py      figures of rounds, as JSON
    bench.py     one run                                bounds.py    what figures must keep; the tables
"""
