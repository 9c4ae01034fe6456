"""Configuration templates and the dialplan's lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from asterisk.render import TEMPLATES, Extension, dialplan, render
from controller.errors import SettingsError

BOB = "PJSIP/phone/sip:bob@127.0.0.1:15092"

VALUES = {
    "etc": "/e",
    "modules": "/m",
    "data": "/d",
    "state": "/s",
    "sockets": "/k",
    "http_port": "18088",
    "sip_port": "15060",
    "rtp_first": "20000",
    "rtp_last": "20099",
    "rtp_timeout_s": "30",
    "codecs": "ulaw,alaw",
    "ari_user": "dragoman",
    "ari_password": "secret-of-this-run",
    "extensions": dialplan([Extension("_2XX", "en", "es", BOB)]),
}


def test_our_templates_take_exactly_these_values(tmp_path: Path) -> None:
    written = {path.name: path.read_text() for path in render(TEMPLATES, VALUES, tmp_path / "etc")}
    assert "bindport = 18088" in written["http.conf"]
    assert "bind = 127.0.0.1:15060" in written["pjsip.conf"]
    assert "password = secret-of-this-run" in written["ari.conf"]
    assert f"exten => _2XX,1,Stasis(dragoman,from=en,to=es,dial={BOB})" in written["extensions.conf"]


def test_languages_that_are_to_be_found_out_are_not_told() -> None:
    assert f"Stasis(dragoman,dial={BOB})" in dialplan([Extension("201", "", "", BOB)])


def test_an_interpreter_on_demand_waits_for_a_key() -> None:
    plan = dialplan([Extension("202", "en", "", BOB, on_demand=True)])
    assert "exten => 202,1,Set(__DYNAMIC_FEATURES=interpreter)" in plan
    assert "Set(__DRAGOMAN_FROM=en)" in plan and "DRAGOMAN_TO" not in plan
    assert f"Dial({BOB},60,gF(interpreter^over^1))" in plan and "Stasis" not in plan
    with pytest.raises(SettingsError, match="202 leads into a room"):
        dialplan([Extension("202", "en", room="weekly", on_demand=True)])


def test_the_number_may_say_whom_to_call() -> None:
    assert "dial=PJSIP/${EXTEN:1}@trunk)" in dialplan([Extension("_9X.", "en", "es", "PJSIP/${EXTEN:1}@trunk")])


def test_nothing_listens_beyond_loopback(tmp_path: Path) -> None:
    render(TEMPLATES, VALUES, tmp_path)
    for path in tmp_path.glob("*.conf"):
        for line in path.read_text().splitlines():
            if line.startswith(("bind", "bindaddr", "media_address")) and "port" not in line.split("=")[0]:
                assert "127.0.0.1" in line or line == "bind_rtp_to_media_address = yes", (path.name, line)


def test_what_holds_the_password_is_for_its_owner_only(tmp_path: Path) -> None:
    render(TEMPLATES, VALUES, tmp_path)
    assert (tmp_path / "ari.conf").stat().st_mode & 0o077 == 0
    (tmp_path / "ari.conf").chmod(0o644)
    render(TEMPLATES, VALUES, tmp_path)
    assert (tmp_path / "ari.conf").stat().st_mode & 0o077 == 0, "also over one that everybody could read"


def test_a_missing_value_names_the_template_and_writes_nothing(tmp_path: Path) -> None:
    values = {name: value for name, value in VALUES.items() if name != "sip_port"}
    with pytest.raises(SettingsError, match=r"pjsip\.conf asks for \$sip_port"):
        render(TEMPLATES, values, tmp_path / "etc")
    assert not (tmp_path / "etc").exists()


def test_an_unknown_value_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="asks for sipport"):
        render(TEMPLATES, {**VALUES, "sipport": "1"}, tmp_path)


def test_a_stray_dollar_sign_is_an_error_and_a_doubled_one_a_dollar_sign(tmp_path: Path) -> None:
    template = tmp_path / "t" / "x.conf"
    template.parent.mkdir()
    template.write_text("same => n,NoOp($${EXTEN})\n")
    assert render(template.parent, {}, tmp_path / "out")[0].read_text() == "same => n,NoOp(${EXTEN})\n"
    template.write_text("costs 5 $ each\n")
    with pytest.raises(SettingsError, match=r"write it as \$\$"):
        render(template.parent, {}, tmp_path / "out")


def test_no_templates_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no \\*\\.conf templates"):
        render(tmp_path, {}, tmp_path / "out")


def test_a_room_takes_the_place_of_whom_to_call() -> None:
    lines = dialplan([Extension("801", "fr", room="weekly")]).splitlines()
    assert lines[0] == "exten => 801,1,Stasis(dragoman,from=fr,room=weekly)"


def test_several_extensions_and_none() -> None:
    lines = dialplan([Extension("201", "en", "es", BOB), Extension("202", "es", "pt-BR", BOB)]).splitlines()
    assert [line.split(",")[0] for line in lines[::2]] == ["exten => 201", "exten => 202"]
    assert set(lines[1::2]) == {" same => n,Hangup(34)"}
    assert dialplan([]) == ""


@pytest.mark.parametrize(
    "extension",
    [
        Extension("201,1,System(ls)", "en", "es", BOB),
        Extension("", "en", "es", BOB),
        Extension("201", "en)", "es", BOB),
        Extension("201", "en", "es", "bob"),
        Extension("201", "en", "es"),
        Extension("201", "en", room="a,b"),
        Extension("201", "en", "es", BOB + ";transport=tcp"),
        Extension("201", "en", "es", "PJSIP/${SHELL(ls)}"),
        Extension("201", "en", "es", BOB + ",from=xx"),
        Extension("201", "en", "es", BOB + "\nexten => 1,1,NoOp()"),
    ],
)
def test_what_the_dialplan_would_misread_is_refused(extension: Extension) -> None:
    with pytest.raises(SettingsError, match="correct it"):
        dialplan([extension])


def test_who_enrols_calls_nobody() -> None:
    (first, _) = dialplan([Extension("700", "es", enrol=True)]).splitlines()
    assert first == "exten => 700,1,Stasis(dragoman,from=es,enrol=yes)"
