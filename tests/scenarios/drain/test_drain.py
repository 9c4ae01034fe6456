"""SIGTERM during five calls: all end by themselves, whoever calls meanwhile is told 503, and then the service ends."""

from __future__ import annotations

import signal
from contextlib import ExitStack
from pathlib import Path

from controller.stack.asterisk import AsteriskServer
from controller.stack.triton import TritonServer
from tests.fakes.sip_phone import SipPhone
from tests.left_behind import traces
from tests.scenarios.rig import STEP_S, extension_of
from tests.scenarios.served import serving, until

COUNT = 5


def test_five_calls_end_by_themselves_and_new_ones_are_refused(
    asterisk: AsteriskServer, triton: TritonServer, tmp_path: Path
) -> None:
    pairs = [(SipPhone("a"), SipPhone("b", auto_answer=True)) for _ in range(COUNT)]
    late_caller, late_callee = SipPhone("a"), SipPhone("b", auto_answer=True)
    with traces() as left, ExitStack() as phones, serving(left, asterisk, triton, tmp_path) as served:
        for phone in (late_caller, late_callee, *(phone for pair in pairs for phone in pair)):
            phones.enter_context(phone)
        for caller, callee in pairs:
            caller.dial(asterisk.sip_uri(extension_of(callee)))
        for caller, _ in pairs:
            caller.wait_established(STEP_S)
        until("all are up", lambda: served.metric("dragoman_calls") == COUNT)

        served.process.send_signal(signal.SIGTERM)
        until("it says that it takes no more", lambda: served.status("/readyz") == 503)
        assert served.status("/livez") == 200, "it is not to be killed"
        late_caller.dial(asterisk.sip_uri(extension_of(late_callee)))
        late_caller.wait_ended(STEP_S)
        assert (late_caller.calls[0].status, late_caller.calls[0].established) == (503, False)
        assert late_callee.calls == [], "nobody is rung for it"
        assert served.ask("/v1/speech", {"text": "Hola.", "language": "es"}) == 503
        assert served.status("/calls") == 200

        for number, (caller, callee) in enumerate(pairs):
            assert all(phone.in_call for pair in pairs[number:] for phone in pair), "nobody is hung up on"
            assert served.process.poll() is None
            caller.hang_up()
            callee.wait_ended(STEP_S)
        assert served.process.wait(STEP_S) == 0
        assert asterisk.channels() == []
        assert asterisk.bridges() == []
        assert left.processes() == []
    assert "waiting up to 900 s for 5 to end" in (tmp_path / "err").read_text()
