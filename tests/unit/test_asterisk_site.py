"""The configuration for real phones: what is written, in which hands it may be, and what is refused."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from asterisk.site import REALM, Number, Phone, Site, Trunk, main, read, write
from controller.errors import SettingsError

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not on this machine")

ADA = Phone("ada", "correct horse battery")
BOB = Phone("bob", "staple of the house", secure=False)
PROVIDER = Trunk("provider", "sip.example.net:5070", "4930123456", "half;of it")
SITE = Site(
    phones=(ADA, BOB),
    trunks=(PROVIDER,),
    numbers=(
        Number("201", "en", "es", "PJSIP/ada"),
        # An Asterisk pattern: each X stands for one digit, and how many is what is tested of such numbers.
        Number("_0XXXXXXXXX", "en", "es", "PJSIP/${EXTEN:1}@provider"),
        Number("4930123456", "es", "en", "PJSIP/ada", trunk="provider"),
    ),
    certificate="/c.pem",
    key="/k.pem",
    external="203.0.113.7",
    local=("192.168.0.0/16",),
)


def written(site: Site, folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in write(site, "ari's own secret", folder)}


def sections(text: str, name: str) -> list[str]:
    """The bodies of the sections of that name."""
    return re.findall(rf"^\[{re.escape(name)}\](?:\(.*\))?\n((?:(?!\[).*\n)*)", text, re.MULTILINE)


@needs_openssl
def test_no_password_that_others_log_in_with_is_written_in_clear(tmp_path: Path) -> None:
    files = written(SITE, tmp_path)
    everything = "".join(files.values())
    for secret in (ADA.password, BOB.password, "ari's own secret"):
        assert secret not in everything
    known = hashlib.md5(f"ada:{REALM}:{ADA.password}".encode()).hexdigest()
    assert f"password_digest = MD5:{known}" in files["pjsip.conf"]
    assert all((tmp_path / name).stat().st_mode & 0o077 == 0 for name in ("ari.conf", "pjsip.conf"))


@needs_openssl
def test_aris_password_is_a_hash_of_itself(tmp_path: Path) -> None:
    ari = written(SITE, tmp_path)["ari.conf"]
    assert "password_format = crypt" in ari
    found = re.search(r"^password = \$6\$([^$]+)\$\S+$", ari, re.MULTILINE)
    assert found
    again = subprocess.run(
        ["openssl", "passwd", "-6", "-salt", found[1], "-stdin"],
        input="ari's own secret",
        capture_output=True,
        text=True,
        check=True,
    )
    assert again.stdout.strip() == found[0].removeprefix("password = ")


@needs_openssl
def test_a_secure_phone_is_taken_over_tls_with_srtp_only(tmp_path: Path) -> None:
    pjsip = written(SITE, tmp_path)["pjsip.conf"]
    assert "[ada](secure-phone)" in pjsip and "[bob](phone)" in pjsip
    (secure,) = sections(pjsip, "secure-phone")
    for line in ("transport = tls", "media_encryption = sdes", "media_encryption_optimistic = no"):
        assert line in secure
    (tls,) = sections(pjsip, "tls")
    for line in ("bind = 0.0.0.0:5061", "cert_file = /c.pem", "priv_key_file = /k.pem", "method = tlsv1_2"):
        assert line in tls
    assert "external_media_address = 203.0.113.7" in tls and "local_net = 192.168.0.0/16" in tls


@needs_openssl
def test_where_all_are_secure_nothing_listens_in_clear(tmp_path: Path) -> None:
    assert sections(written(SITE, tmp_path)["pjsip.conf"], "udp")
    secure = written(replace(SITE, phones=(ADA,), trunks=(), numbers=SITE.numbers[:1]), tmp_path)
    assert sections(secure["pjsip.conf"], "udp") == []
    clear = written(replace(SITE, phones=(BOB,), numbers=(), certificate="", key=""), tmp_path)
    assert sections(clear["pjsip.conf"], "tls") == []


@needs_openssl
def test_a_trunk_registers_outward_and_is_known_by_its_address(tmp_path: Path) -> None:
    pjsip = written(SITE, tmp_path)["pjsip.conf"]
    mine = "\n".join(sections(pjsip, "provider"))
    for line in (
        "type = registration",
        "server_uri = sip:sip.example.net:5070",
        "client_uri = sip:4930123456@sip.example.net:5070",
        r"password = half\;of it",
        "match = sip.example.net",
        "context = from-provider",
    ):
        assert line in mine
    secure = written(replace(SITE, trunks=(replace(PROVIDER, secure=True),)), tmp_path)["pjsip.conf"]
    assert r"server_uri = sip:sip.example.net:5070\;transport=tls" in secure
    assert "media_encryption_optimistic = no" in "\n".join(sections(secure, "provider"))


@needs_openssl
def test_an_interpreter_on_demand_needs_files_of_its_own_and_no_provider_hands_over(tmp_path: Path) -> None:
    site = replace(SITE, numbers=(Number("202", "en", "es", "PJSIP/ada", on_demand=True),))
    files = written(site, tmp_path)
    assert "#include interpreter.conf" in files["extensions.conf"]
    assert "Dial(PJSIP/ada,60,gF(interpreter^over^1))" in sections(files["extensions.conf"], "phones")[0]
    assert "ChannelRedirect(${DRAGOMAN_PEER},interpreter," in files["interpreter.conf"]
    assert 'interpreter => *9,self,Gosub,"interpreter,s,1"' in files["features.conf"]
    assert "allow_transfer = no" in "\n".join(sections(files["pjsip.conf"], "provider"))


@needs_openssl
def test_who_calls_from_outside_reaches_what_is_for_the_outside_and_no_more(tmp_path: Path) -> None:
    plan = written(SITE, tmp_path)["extensions.conf"]
    (inside,), (outside,) = sections(plan, "phones"), sections(plan, "from-provider")
    assert "exten => 201,1,Stasis(dragoman,from=en,to=es,dial=PJSIP/ada)" in inside
    assert "dial=PJSIP/${EXTEN:1}@provider" in inside and "@provider" not in outside
    assert re.findall(r"exten => (\S+?),1", outside) == ["4930123456"]


@needs_openssl
def test_http_stays_on_loopback(tmp_path: Path) -> None:
    assert "bindaddr = 127.0.0.1" in written(SITE, tmp_path)["http.conf"]


@pytest.mark.parametrize(
    ("site", "why"),
    [
        (replace(SITE, phones=(replace(ADA, password="short"),)), "weak"),
        (replace(SITE, phones=(replace(ADA, name="login"),)), "cannot name"),
        (replace(SITE, phones=(replace(ADA, name="a]b"),)), "cannot name"),
        (replace(SITE, phones=(ADA, ADA)), "called ada"),
        (replace(SITE, trunks=(replace(PROVIDER, host="x\nmatch=0.0.0.0/0"),)), "host"),
        (replace(SITE, trunks=(replace(PROVIDER, password="a\nb"),)), "trunk provider"),
        (replace(SITE, key=""), "certificate"),
        (replace(SITE, numbers=(Number("_X.", "en", "es", "PJSIP/ada"),)), "any length"),
        (replace(SITE, numbers=(Number("_9!", "en", "es", "PJSIP/ada"),)), "any length"),
        (replace(SITE, numbers=(Number("1", "en", "es", "PJSIP/ada", trunk="other"),)), "no trunk"),
        (replace(SITE, numbers=(Number("_0X", "en", "es", "PJSIP/${EXTEN}@provider", trunk="provider"),)), "your cost"),
        (
            replace(SITE, numbers=(Number("1", "en", "es", "PJSIP/provider/sip:+1900@sip.example", trunk="provider"),)),
            "cost",
        ),
        (replace(SITE, numbers=(Number("1", "en", "es", "PJSIP/provider", trunk="provider"),)), "your cost"),
        (replace(SITE, numbers=(Number("201,1,System(ls)", "en", "es", "PJSIP/ada"),)), "correct it"),
    ],
)
def test_what_would_be_open_or_cannot_work_is_refused(site: Site, why: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=why):
        write(site, "ari's own secret", tmp_path / "etc")
    assert not (tmp_path / "etc").exists()


@needs_openssl
def test_the_command_reads_a_file_and_takes_aris_password_from_the_controllers_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file, out = tmp_path / "site.toml", tmp_path / "etc"
    file.write_text(
        'certificate = "/c.pem"\nkey = "/k.pem"\n'
        '[[phones]]\nname = "ada"\npassword = "correct horse battery"\n'
        '[[numbers]]\npattern = "201"\nsource = "en"\ntarget = "es"\ndial = "PJSIP/ada"\n'
    )
    assert read(file).phones == (ADA,)
    monkeypatch.delenv("DRAGOMAN_ASTERISK__PASSWORD", raising=False)
    assert main([str(file), "--out", str(out)]) == 1
    assert "DRAGOMAN_ASTERISK__PASSWORD" in capsys.readouterr().err and not out.exists()
    monkeypatch.setenv("DRAGOMAN_ASTERISK__PASSWORD", "ari's own secret")
    assert main([str(file), "--out", str(out)]) == 0
    assert str(out / "pjsip.conf") in capsys.readouterr().out
    file.write_text('[[phones]]\nname = "ada"\npasswort = "correct horse battery"\n')
    assert main([str(file), "--out", str(out)]) == 1
    assert "[[phones]] cannot be understood" in capsys.readouterr().err
