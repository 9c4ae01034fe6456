"""`make loadtest`: how many calls, and how many streams of each of Triton's models, this machine carries.

Locust (in an environment of its own: it brings gevent, which patches a whole process) adds users step by step, and each
step is watched from outside: what callers get, what every process costs, how long requests wait in Triton's queues. A
step that does not hold its limits is held once more; one that breaks twice is the breaking point. The table of all
steps, with the bottleneck named from what was seen, is docs/loadtest.md's subject.

A user of

- `calls` is a call of two phones, real SIP and real RTP through a real Asterisk, by SIPp; engines scripted or offline;
- `legs` is a call without SIP and Asterisk, for scale: web sockets to a process that plays Asterisk, scripted engines;
- `speech`, `recognition`, `embedding` is a client that asks one of Triton's models for one thing after the other.

    stepping.py    users by time and verdicts     processes.py   CPU and memory, from /proc
    window.py      one step, watched              models.py      Triton's own counts
    limits.py      what a step must hold          bottleneck.py  what is full, by what was seen
    table.py       all of it, for a person        sipp.py        phones by the dozen
    serving.py     the measured process           plan.py        what Locust is told of a run
    targets.py     what is started for each       users/         Locust's files

What Locust loads (`stepping`, `processes`, `window`, `models`, `limits`, `plan`, `users`) needs the standard library
and Locust's own environment, no more.
"""
