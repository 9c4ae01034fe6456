"""Runs the demo: Triton and Asterisk up, two phones, one interpreted call, the report written, all taken down."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asterisk.render import Extension
from controller.demo import voices
from controller.demo.captions import Captions
from controller.demo.html import page
from controller.demo.report import Record, build, verdict
from controller.demo.script import ENGLISH, SPANISH, Part, as_long_as, own_recording, prompts, turns
from controller.engines.registry import EngineContext, all_names, make, names
from controller.errors import SettingsError, StackError, UsageError
from controller.frames import Pcm
from controller.interpreting import CallWatcher
from controller.pbx.ari_events import CallStarted
from controller.pbx.call import Ended
from controller.pipeline.conversation import Conversation
from controller.service import Service
from controller.settings import Settings, load
from controller.stack.asterisk import AsteriskServer
from controller.stack.phone import SoftPhone
from controller.stack.process import Run
from controller.stack.triton import TritonServer
from controller.stack.wav import PHONE_RATE, write_wav
from controller.triton.client import TritonClient
from export.setup.cache import Cache

EXTENSION = "201"
"""What phone A dials."""

CONNECT_S = 20.0
SLACK_S = 20.0
"""How much longer than its recordings a call may take before it counts as stuck."""


@dataclass(frozen=True)
class DemoOptions:
    """What the command line says."""

    report: Path
    """The folder for report, recordings and logs."""

    repository: Path
    """Triton's model repository."""

    caller: Path | None = None
    callee: Path | None = None
    source: str = "en"
    target: str = "es"
    stt: str = "whisper"
    mt: str = "apertium"
    tts: str = "pico"


class _Watch(CallWatcher):
    """Tells the demo how its call went."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.up: asyncio.Future[Conversation] = loop.create_future()
        self.over: asyncio.Future[Ended] = loop.create_future()

    def began(self, conversation: Conversation) -> None:
        self.up.set_result(conversation)

    def finished(self, conversation: Conversation, ended: Ended) -> None:
        self.over.set_result(ended)

    def refused(self, call: CallStarted, why: str) -> None:
        if not self.up.done():
            self.up.set_exception(StackError(f"The call did not come about: {why}"))


def run(options: DemoOptions) -> int:
    """The demo; returns the exit code.

    Raises:
        DragomanError: one sentence; nothing is left running.
    """
    parts = _parts(options)
    _check_engines(options)
    clips = _clips(options, parts)
    try:
        options.report.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"The report folder {options.report} cannot be made: {error.strerror}.") from error
    with Run(options.report / "logs") as stack:
        return asyncio.run(_demo(options, parts, clips, stack))


def _parts(options: DemoOptions) -> dict[str, Part]:
    if options.caller or options.callee:
        if not (options.caller and options.callee):
            raise UsageError("Give both recordings or none: CALLER=a.wav CALLEE=b.wav.")
        first, second = own_recording(options.caller), own_recording(options.callee)
    elif (options.source, options.target) in (("en", "es"), ("es", "en")):
        folder = Cache.default().prompts
        names = {"en": ENGLISH, "es": SPANISH}
        one, other = (prompts(folder, code, names[code]) for code in (options.source, options.target))
        first, second = turns(one, other)
    elif options.source == options.target:
        raise UsageError(f"Both sides speak {options.source}: there is nothing to interpret. Choose FROM and TO.")
    else:
        raise UsageError(
            f"There are recorded prompts for en and es only, not for {options.source} and {options.target}: "
            "give your own with CALLER=a.wav CALLEE=b.wav."
        )
    return {"a": as_long_as(first, second), "b": as_long_as(second, first)}


def _check_engines(options: DemoOptions) -> None:
    for kind, name in (("stt", options.stt), ("mt", options.mt), ("tts", options.tts)):
        if name not in names(kind):
            raise UsageError(f"There is no {kind} engine '{name}'; installed are: {', '.join(names(kind))}.")
    usual = {"stt": (options.stt, DemoOptions.stt), "mt": (options.mt, DemoOptions.mt)}
    if chosen := {kind: name for kind, (name, default) in usual.items() if name != default}:
        asyncio.run(_try_engines(chosen))


async def _try_engines(chosen: dict[str, str]) -> None:
    """Raises SettingsError, a line for each that lacks something, a key for instance, before any server is started."""
    settings = load()
    wrong = []
    async with TritonClient(settings.triton.grpc) as triton, AsyncExitStack() as lives:
        for kind, name in chosen.items():
            given = settings.engines.options.get(name, {})
            try:
                make(kind, name, EngineContext(triton, settings.triton, given, lives=lives))
            except SettingsError as error:
                wrong.append(str(error))
    if wrong:
        raise SettingsError("\n".join(wrong))


def _clips(options: DemoOptions, parts: dict[str, Part]) -> dict[str, Pcm]:
    """What voices are made from, where the engine clones; empty where it does not."""
    if options.tts != voices.ENGINE:
        return {}
    voices.check_weights(options.repository)
    return voices.clips_of(parts)


def _say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)


async def _demo(options: DemoOptions, parts: dict[str, Part], clips: dict[str, Pcm], stack: Run) -> int:
    _say("starting Triton ...")
    # An engine need not be a Triton model: one from another distribution may be anything.
    chosen = load(engines={"stt": options.stt, "mt": options.mt, "tts": options.tts})
    wanted = (*all_names(chosen.engines, chosen.fallback), *([voices.CONDITIONING] if clips else []))
    models = [one for one in wanted if (options.repository / one).is_dir()]
    triton = TritonServer(stack, options.repository, models=models, without=() if clips else voices.MODELS)
    await asyncio.to_thread(triton.start)
    cloned = {}
    if clips:
        _say("making a voice of each side's recording ...")
        spoken = {"a": options.source, "b": options.target}
        cloned = await voices.cloned(clips, spoken, triton.addresses.grpc, options.repository, options.report)
    seconds = len(parts["a"].pcm) / PHONE_RATE
    phones = {name: SoftPhone(stack, name, part.pcm, auto_answer=name == "b") for name, part in parts.items()}
    _say("starting Asterisk and two soft phones ...")
    await asyncio.to_thread(phones["b"].start)
    extension = Extension(EXTENSION, options.source, options.target, f"PJSIP/phone/{phones['b'].uri}")
    asterisk = AsteriskServer(stack, extensions=[extension])
    await asyncio.to_thread(asterisk.start)
    await asyncio.to_thread(phones["a"].start)

    engines = {  # asked now: either server may be gone when the report is written
        "stt": options.stt,
        "mt": options.mt,
        "tts": options.tts,
        "triton": triton.version,
        "asterisk": asterisk.version,
    }
    record = Record()
    watch = _Watch()
    captions = Captions()
    settings = _settings(options, asterisk, triton, cloned)
    service = Service(settings, observers=[record, captions], watcher=watch, tap=record.tap)
    await service.start()
    try:
        _say(f"calling: {options.source} <-> {options.target}, {seconds:.0f} s")
        phones["a"].dial(asterisk.sip_uri(EXTENSION))
        conversation = await asyncio.wait_for(watch.up, CONNECT_S)
        ended = await asyncio.wait_for(watch.over, seconds + SLACK_S)
    except TimeoutError as error:
        raise StackError(f"The call got stuck; see the logs in {stack.folder}.") from error
    finally:
        await service.stop()
        captions.close()
    for phone in phones.values():
        await asyncio.to_thread(phone.stop)
    return _report(options, record, conversation, parts, phones, engines, ended)


def _settings(options: DemoOptions, asterisk: AsteriskServer, triton: TritonServer, cloned: dict[str, Any]) -> Settings:
    """`cloned`: options of an engine that clones; empty for one that does not."""
    given = {"options": {options.tts: cloned}} if cloned else {}
    settings = load(
        asterisk={
            "url": asterisk.ari_url.rstrip("/"),
            "user": asterisk.ari_user,
            "password": asterisk.ari_password,
        },
        triton={"grpc": triton.addresses.grpc},
        engines={"stt": options.stt, "mt": options.mt, "tts": options.tts, **given},
        calls={"source": options.source, "target": options.target},
        api={"port": 0},
    )
    if not cloned:
        return settings
    deadlines = settings.triton.patient()
    return settings.model_copy(update={"triton": deadlines, "fallback": settings.fallback.patient(deadlines)})


def _report(
    options: DemoOptions,
    record: Record,
    conversation: Conversation,
    parts: dict[str, Part],
    phones: dict[str, SoftPhone],
    engines: dict[str, str],
    ended: Ended,
) -> int:
    wavs: dict[str, dict[str, str]] = {}
    tracks: dict[str, dict[str, Pcm]] = {}
    for name, phone in phones.items():
        wavs[name] = {"spoke_wav": f"{name}_spoke.wav", "heard_wav": f"{name}_heard.wav"}
        tracks[name] = {"spoke": parts[name].pcm, "heard": phone.heard()}
        for kind, pcm in tracks[name].items():
            write_wav(options.report / wavs[name][f"{kind}_wav"], pcm, PHONE_RATE)  # the phones speak G.711
    weights = {options.tts: voices.source(options.repository)} if options.tts == voices.ENGINE else {}
    report = build(record, conversation, parts, wavs, engines, ended.by, weights)
    file = options.report / "report.json"
    file.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    file.with_suffix(".html").write_text(page(report, tracks, PHONE_RATE), encoding="utf-8")
    _summary(report, file)
    for one in report["notes"]:
        print(f"Note: {one}", flush=True)
    if wrong := verdict(report):
        print(f"dragoman: {wrong}", file=sys.stderr)
        return 1
    return 0


def _summary(report: dict[str, Any], file: Path) -> None:
    lag, balance = report["lag_ms"], report["conservation"]
    lags = f"; lag p50 {lag['p50']} ms, p95 {lag['p95']} ms" if lag["n"] else ""
    print(
        f"\n{balance['played']} of {balance['deliveries']} clauses were played, {balance['dropped']} dropped{lags}.\n"
        f"To look at and listen to: {file.with_suffix('.html')}\n"
        f"The same as data: {file}; what each side heard: {file.parent / 'a_heard.wav'}, {file.parent / 'b_heard.wav'}",
        flush=True,
    )
