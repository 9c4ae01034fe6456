"""Phones that register with a password, over TLS with SRTP; and those that are refused: why is in Asterisk's log."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path

import pytest

from asterisk.site import Number, Phone, Site, Trunk
from controller.errors import StackError
from controller.stack.asterisk import AsteriskServer
from controller.stack.phone import Account, SoftPhone
from controller.stack.ports import LOOPBACK
from controller.stack.process import Run
from tests.certificates import certificate
from tests.fakes.sounds import speech_like
from tests.scenarios.rig import STEP_S, Stage
from tests.scenarios.scene import clip_engines

ADA = Phone("ada", "correct-horse-battery")
BOB = Phone("bob", "staple-of-the-house")
SITE = Site(phones=(ADA, BOB), numbers=(Number("202", "en", "es", "PJSIP/bob"),))
CLEAR = replace(SITE, phones=(replace(ADA, secure=False), replace(BOB, secure=False)))


def secure(site: Site, folder: Path, *, days: int = 30) -> Site:
    """With a certificate that is good for so long."""
    folder.mkdir(exist_ok=True)
    files = certificate(folder, days=days)
    return replace(site, certificate=str(files.certificate), key=str(files.key))


def server(run: Run, site: Site, name: str = "asterisk") -> AsteriskServer:
    return AsteriskServer(run, site=site, name=name)


def account(asterisk: AsteriskServer, site: Site, phone: Phone, *, srtp: bool = True) -> Account:
    """What a phone is told that is meant to be taken."""
    if not site.certificate:
        return Account(f"{LOOPBACK}:{asterisk.sip_port}", phone.password)
    return Account(f"{LOOPBACK}:{asterisk.tls_port}", phone.password, tls=True, srtp=srtp)


def test_a_registered_phone_calls_another_over_tls_and_srtp(run: Run, tmp_path: Path) -> None:
    site = secure(SITE, tmp_path)

    async def main(asterisk: AsteriskServer) -> None:
        ada, bob = (
            SoftPhone(
                run,
                one.name,
                speech_like(2, seed=seed),
                seconds=60,
                auto_answer=True,
                account=account(asterisk, site, one),
            )
            for seed, one in enumerate(site.phones)
        )
        async with Stage([ada], [bob], asterisk=asterisk, engines=clip_engines()) as stage:
            for phone in (ada, bob):
                await asyncio.to_thread(phone.wait_registered, STEP_S)
            ada.dial(f"sip:202@{LOOPBACK}:{asterisk.tls_port};transport=tls")
            await stage.watch.up()
            await stage.delivered(2)
            ada.hang_up()
            await stage.watch.over()
            await asyncio.to_thread(bob.wait_ended, STEP_S)
        assert ada.heard().any() and bob.heard().any()

    with server(run, site) as asterisk:
        asyncio.run(main(asterisk))


def test_a_registered_phone_in_clear_is_known_and_a_stranger_gets_nowhere(run: Run) -> None:
    with server(run, CLEAR) as asterisk:
        with SoftPhone(run, "ada", speech_like(1, seed=1), account=account(asterisk, CLEAR, ADA)) as ada:
            ada.wait_registered(STEP_S)
            assert "ada/sip:ada" in asterisk.cli("pjsip show contacts")
        with SoftPhone(run, "mallory", speech_like(1, seed=1), seconds=5) as mallory:
            mallory.dial(f"sip:202@{LOOPBACK}:{asterisk.sip_port}")
            mallory.wait_ended(STEP_S)
            assert "401" in mallory.log
        assert asterisk.channels() == []


def test_who_has_a_providers_name_and_not_its_address_is_a_stranger(run: Run) -> None:
    provider = Trunk("provider", "127.0.0.2", "4930123456", "a password of theirs")
    numbers = (*CLEAR.numbers, Number("4930123456", "es", "en", "PJSIP/bob", trunk="provider"))
    with server(run, replace(CLEAR, trunks=(provider,), numbers=numbers)) as asterisk:
        with SoftPhone(run, "provider", speech_like(1, seed=1), seconds=5) as mallory:
            mallory.dial(f"sip:4930123456@{LOOPBACK}:{asterisk.sip_port}")
            mallory.wait_ended(STEP_S)
            assert "401" in mallory.log
        assert asterisk.channels() == []


def test_a_wrong_password_registers_nobody_and_is_in_the_log(run: Run) -> None:
    with server(run, CLEAR) as asterisk:
        wrong = replace(account(asterisk, CLEAR, ADA), password="correct-horse-batterie")
        with (
            SoftPhone(run, "ada", speech_like(1, seed=1), account=wrong) as ada,
            pytest.raises(StackError, match=r"not registered: .*40[13]"),
        ):
            ada.wait_registered(STEP_S)
        assert "ada/sip:" not in asterisk.cli("pjsip show contacts")
        assert "failed to authenticate" in asterisk.log.lower()


def test_a_phone_without_srtp_is_refused_where_srtp_is_required(run: Run, tmp_path: Path) -> None:
    site = secure(SITE, tmp_path)
    with server(run, site) as asterisk:
        in_clear = account(asterisk, site, ADA, srtp=False)
        with SoftPhone(run, "ada", speech_like(1, seed=1), seconds=5, account=in_clear) as ada:
            ada.wait_registered(STEP_S)
            ada.dial(f"sip:202@{LOOPBACK}:{asterisk.tls_port};transport=tls")
            ada.wait_ended(STEP_S)
            assert "488 Not Acceptable" in ada.log
            assert "ada: Couldn't negotiate stream" in asterisk.log
        assert asterisk.channels() == []


def told(asterisk: AsteriskServer, word: str) -> str:
    """What it says of its registrations, once that word is in it; the first one comes within 10 s, at random."""
    until = time.monotonic() + STEP_S + 10
    while word not in (said := asterisk.cli("pjsip show registrations")) and time.monotonic() < until:
        time.sleep(0.2)
    return said


def test_we_register_with_a_provider(run: Run) -> None:
    """The provider is another Asterisk, at which we are a phone."""
    with server(run, CLEAR, "provider") as provider:
        trunk = Trunk("provider", f"{LOOPBACK}:{provider.sip_port}", "ada", ADA.password)
        with server(run, Site(trunks=(trunk,)), "ours") as ours:
            assert " Registered" in told(ours, " Registered"), ours.log
            assert "ada/sip:ada" in provider.cli("pjsip show contacts")


@pytest.mark.parametrize("days", [-1, 30])
def test_a_provider_whose_certificate_has_expired_is_not_trusted_and_that_is_in_the_log(
    days: int, run: Run, tmp_path: Path
) -> None:
    theirs = secure(SITE, tmp_path / "theirs", days=days)
    with server(run, theirs, "provider") as provider:
        trunk = Trunk("provider", f"{LOOPBACK}:{provider.tls_port}", "ada", ADA.password, secure=True)
        site = secure(Site(trunks=(trunk,), authority=theirs.certificate), tmp_path / "ours")
        with server(run, site, "ours") as ours:
            if days > 0:
                assert " Registered" in told(ours, " Registered"), ours.log
            else:
                assert "Rejected" in told(ours, "Rejected")
                assert "expired" in ours.log.lower()
                assert "ada/sip:ada" not in provider.cli("pjsip show contacts")
