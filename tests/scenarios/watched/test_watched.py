"""A minute of live calls, watched by a real Prometheus: every panel of the dashboards then has something to show, and
every alert something to judge. What needs a GPU is marked so and left out.

Behind Apertium there is a scripted DeepL, so that what is told of a chain and of DeepL's account is told.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from controller.demo.script import ENGLISH, SPANISH
from controller.stack.asterisk import AsteriskServer
from controller.stack.process import Run
from controller.stack.triton import TritonServer
from export.setup.cache import Cache
from export.setup.components import missing
from tests.fakes.fake_deepl import fake_deepl
from tests.fakes.sip_phone import SipPhone
from tests.left_behind import traces
from tests.requirements import require_or_skip
from tests.scenarios.rig import STEP_S, extension_of, short_turns
from tests.scenarios.served import serving, until
from tests.scenarios.watched.prometheus import Prometheus
from tests.watching import alerts, asked, selectors

MINUTE_S = 60.0
CALLS = 2

DEEPL_BEHIND = """
[fallback]
mt = ["deepl"]

[engines.options.deepl]
key = "scripted:fx"
host = "{url}"
"""


@pytest.fixture
def have_prometheus() -> None:
    for one in missing(Cache.default(), ["prometheus"]):
        require_or_skip("prometheus", False, one.sentence)


def test_every_panel_and_every_alert_has_data_of_a_minute_of_calls(
    have_prometheus: None, asterisk: AsteriskServer, triton: TritonServer, run: Run, tmp_path: Path
) -> None:
    async def main() -> None:
        async with fake_deepl() as deepl:
            await asyncio.to_thread(watch, DEEPL_BEHIND.format(url=deepl.url))

    def watch(settings: str) -> None:
        with traces() as left, serving(left, asterisk, triton, tmp_path, settings) as served, ExitStack() as phones:
            metrics = f"127.0.0.1:{triton.addresses.metrics_port}"
            prometheus = Prometheus(run, served.url.removeprefix("http://"), metrics)
            until("it has seen both", lambda: prometheus.value("up") == 2)
            talk(phones, asterisk)
            until("their ends are seen", lambda: prometheus.value('dragoman_calls_total{outcome="a"}') == CALLS)
            judge(prometheus)

    asyncio.run(main())


def talk(phones: ExitStack, asterisk: AsteriskServer) -> None:
    """Calls for a minute, both sides speaking in turns."""
    parts = short_turns(ENGLISH, SPANISH)
    pairs = [(SipPhone("a"), SipPhone("b", auto_answer=True)) for _ in range(CALLS)]
    for caller, callee in pairs:
        phones.enter_context(caller)
        phones.enter_context(callee)
        caller.dial(asterisk.sip_uri(extension_of(callee)))
    for caller, callee in pairs:
        caller.wait_established(STEP_S)
        for phone, part in zip((caller, callee), parts, strict=True):
            phone.say(part.pcm)
    time.sleep(MINUTE_S)
    for caller, callee in pairs:
        caller.hang_up()
        callee.wait_ended(STEP_S)


def judge(prometheus: Prometheus) -> None:
    """What there must be now."""
    bare = [
        f"{one.panel}: {one.expr}"
        for one in asked()
        if not one.gpu and not prometheus.has(one.expr.replace("$__rate_interval", "15s"))
    ]
    judged = {alert.name: alert for alert in alerts()}
    rules = prometheus.rules()
    assert {rule["name"]: rule["health"] for rule in rules} == dict.fromkeys(judged, "ok")
    blind = [
        f"{alert.name}: {one}"
        for alert in judged.values()
        if not alert.gpu
        for one in sorted(selectors(alert.expr))
        if not prometheus.has(one)
    ]
    assert (bare, blind) == ([], []), "panels that show nothing, and alerts that would never fire"
    played = prometheus.value('dragoman_deliveries_total{outcome="played"}')
    assert played >= 4 * CALLS, "hardly anything was interpreted, and what was seen was seen without load"
