"""`make bench-call`: how long a listener waits for the translation and how much of it is understood, from recordings.

Two soft phones talk through a real Asterisk, the service of this process and a real Triton. What they say are recorded
human prompts drawn by a seed; what counts is what the other phone recorded.

Four clocks meet: a phone's file (what it says), the call's clock (arrival of each frame at the controller), a
recording (what the other phone heard), and Asterisk's log of RTP packets (when each packet left). `alignment` brings
them together:

- A recording leaves out what was never sent, so it is no clock. Packet i of the log is its samples from 160 i on:
  where the log shows that the stream paused, the time that passed is put back (`wire`), and counted as a slip.
- Each phone's file begins and ends with a marker tone. Its passage, and the passage of every prompt that no
  translation covers, tell when what lies at some place in the file reached the controller, and when it was heard.
- The first translation of each call begins with a marker tone too. Its place in the recording against its own `ear_s`
  is the constant between the call's clock and the recording; every other `ear_s` is compared after taking it out.

**Lag** of a clause is from the moment that the listener heard the true end of the original (the end of the voice in
the prompt's recording, not what the controller believes) to the moment that the voice of its translation set in,
found by a matched filter with the very samples that the voice engine made. A prompt may be cut into several clauses.
The last one, where it reaches the prompt's end, counts in `lag_ms`; a clause committed earlier counts in
`inner_lag_ms`, from the last voiced frame before the place where it was cut off. A prompt whose last clause ends too
early has no lag: what is missing of it shows in the word error rate, and in `prompts_unfinished`.
"""
