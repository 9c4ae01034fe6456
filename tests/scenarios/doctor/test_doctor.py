"""`dragoman doctor --asterisk` on a real Asterisk: one that has all it needs, and others that lack one thing each."""

from __future__ import annotations

import asyncio
import re
import shutil
from pathlib import Path

import pytest
from pydantic import SecretStr

from asterisk.render import TEMPLATES
from asterisk.site import Phone, Site
from controller.cli import main
from controller.pbx.examination import Finding, examine
from controller.settings import AsteriskSettings
from controller.stack.asterisk import AsteriskServer
from controller.stack.process import Run
from tests.certificates import certificate


def looked_at(asterisk: AsteriskServer, password: str = "", **more: str) -> list[Finding]:
    settings = AsteriskSettings(
        url=asterisk.ari_url.rstrip("/"), user=asterisk.ari_user, password=SecretStr(password or asterisk.ari_password)
    )
    findings = asyncio.run(examine(settings.model_copy(update=more)))
    assert asterisk.channels() == [], "it leaves nothing behind"
    return findings


def wrong(findings: list[Finding]) -> list[Finding]:
    return [one for one in findings if not one.good]


def changed(folder: Path, file: str, line: str, instead: str) -> Path:
    """Our templates with one line changed."""
    templates = folder / "templates"
    shutil.copytree(TEMPLATES, templates)
    path = templates / file
    text, count = re.subn(rf"^{re.escape(line)}$", instead, path.read_text(), flags=re.MULTILINE)
    assert count == 1
    path.write_text(text)
    return templates


@pytest.mark.parametrize("media", ["websocket", "audiosocket"])
def test_one_that_has_everything(asterisk: AsteriskServer, media: str) -> None:
    findings = looked_at(asterisk, media=media)
    assert wrong(findings) == []
    assert findings[-1].what == f"media over {media} works"


def test_the_command_says_so(
    asterisk: AsteriskServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "dragoman.toml"
    url = asterisk.ari_url.rstrip("/")
    file.write_text(f'[asterisk]\nurl = "{url}"\nuser = "{asterisk.ari_user}"\n')
    monkeypatch.setenv("DRAGOMAN_ASTERISK__PASSWORD", asterisk.ari_password)
    assert main(["doctor", "--asterisk", "--config", str(file)]) == 0
    assert capsys.readouterr().out.endswith("it can take calls\n")


def test_a_wrong_password(asterisk: AsteriskServer) -> None:
    (only,) = looked_at(asterisk, "not this one")
    assert "DRAGOMAN_ASTERISK__PASSWORD" in only.advice


@pytest.mark.parametrize("module", ["chan_websocket", "codec_resample", "codec_g722"])
def test_a_module_that_is_not_loaded(module: str, run: Run, tmp_path: Path) -> None:
    templates = changed(tmp_path, "modules.conf", f"load = {module}.so", "")
    with AsteriskServer(run, templates=templates) as asterisk:
        (only,) = wrong(looked_at(asterisk))
    assert only.what == f"{module} is missing" and f"load = {module}.so" in only.advice


def test_a_user_who_may_only_look(run: Run, tmp_path: Path) -> None:
    with AsteriskServer(run, templates=changed(tmp_path, "ari.conf", "read_only = no", "read_only = yes")) as asterisk:
        (only,) = wrong(looked_at(asterisk))
    assert "read_only = no" in only.advice


@pytest.mark.parametrize("days", [-1, 60])
def test_the_certificate_of_secure_phones(days: int, run: Run, tmp_path: Path) -> None:
    files = certificate(tmp_path, days=days)
    phone = Phone("ada", "correct-horse-battery")
    site = Site(phones=(phone,), certificate=str(files.certificate), key=str(files.key))
    with AsteriskServer(run, site=site) as asterisk:
        findings = looked_at(asterisk)
    if days > 0:
        assert wrong(findings) == [] and findings[-1].what.startswith("the certificate")
    else:
        (only,) = wrong(findings)
        assert "has expired" in only.advice and str(files.certificate) in only.advice
