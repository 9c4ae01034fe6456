"""A first call as docs/docker.md tells it: two phones register with their passwords, one dials the other's number."""

from __future__ import annotations

import re
import time
import urllib.request
from pathlib import Path
from typing import Final

from asterisk.site import Site
from controller.demo.script import prompts, turns
from controller.stack.phone import Account, SoftPhone
from controller.stack.ports import LOOPBACK
from controller.stack.process import Run
from export.setup.cache import Cache
from tests.images.bare import Failed

_METRICS: Final = f"http://{LOOPBACK}:8090/metrics"
_PLAYED: Final = re.compile(r'^dragoman_deliveries_total\{[^}]*outcome="played"[^}]*\} (\S+)$', re.MULTILINE)


def place(site: Site, folder: Path, *, clauses: int = 2, patience_s: float = 90.0) -> str:
    """Bob, who speaks Spanish, dials 201; returns how many clauses were heard translated, once there are `clauses`.

    Args:
        site: the phones' names and passwords.
    Raises:
        Failed: nobody heard that many in time.
        StackError: a phone is not let in, or the call is not.
    """
    recorded = Cache.default().prompts
    english, spanish = (prompts(recorded, language, names) for language, names in (("en", _EN), ("es", _ES)))
    says = dict(zip(("ada", "bob"), turns(english, spanish), strict=True))
    server = f"{LOOPBACK}:{site.sip_port}"
    with Run(folder) as run:
        phones = {
            one.name: SoftPhone(
                run, one.name, says[one.name].pcm, auto_answer=True, account=Account(server, one.password)
            )
            for one in site.phones
        }
        with phones["ada"] as ada, phones["bob"] as bob:
            for phone in (ada, bob):
                phone.wait_registered()
            bob.dial(f"sip:201@{server}")
            bob.wait_established(30)
            due = time.monotonic() + patience_s
            while (played := _played()) < clauses:
                if time.monotonic() > due:
                    raise Failed(f"only {played:.0f} clauses were heard translated\n{bob.log[-1500:]}")
                time.sleep(0.5)
            bob.hang_up()
            ada.wait_ended()
    return f"a first call: {played:.0f} clauses were heard translated"


_EN: Final = ("number-not-answering", "check-number-dial-again")
_ES: Final = ("vm-enter-num-to-call", "please-try-again")


def _played() -> float:
    with urllib.request.urlopen(_METRICS, timeout=5) as answer:
        found = _PLAYED.search(answer.read().decode())
    return float(found[1]) if found else 0.0
