"""What runs in the containers before the program itself does: a site made up once, passwords, flags, health."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from asterisk.container import Folders, configure, password, site
from asterisk.get import Installed
from asterisk.site import read
from controller.errors import SettingsError
from controller.settings import load
from controller.stack import health
from controller.stack.triton import FLAGS
from controller.stack.triton_container import NO_GPU, PORTS, command
from tests.images.dockerfile import FOLDER

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not on this machine")

PROGRAM = Installed(Path("/a/asterisk"), "22.8.0", Path("/a/modules"), Path("/a/data"))


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path / "site.toml", tmp_path / "state", tmp_path / "shared", tmp_path / "run")


def test_two_phones_are_made_up_once_and_kept_for_their_owner(
    folders: Folders, capsys: pytest.CaptureFixture[str]
) -> None:
    first = site(folders, "192.168.1.10")
    file = folders.state / "site.toml"
    assert [phone.name for phone in first.phones] == ["ada", "bob"]
    assert file.stat().st_mode & 0o777 == 0o600
    passwords = {phone.password for phone in first.phones}
    assert len(passwords) == 2
    assert site(folders, "192.168.1.10") == first, "a phone is not told another password at every start"
    assert first.external == "192.168.1.10"
    said = capsys.readouterr().out
    assert str(file) in said and not any(one in said for one in passwords)


def test_ones_own_site_counts_and_so_does_its_address(folders: Folders) -> None:
    folders.own_site.write_text('external = "203.0.113.7"\n[[phones]]\nname = "hall"\npassword = "a b c d e f g"\n')
    assert site(folders, "192.168.1.10") == read(folders.own_site)
    assert not folders.state.exists()


def test_aris_password_is_the_given_one_or_lies_beside_the_controller(folders: Folders) -> None:
    assert password(folders, "given") == "given"
    made_up = password(folders)
    assert len(made_up) == 32 and password(folders) == made_up
    assert (folders.shared / "ari-password").read_text() == made_up
    assert (folders.shared / "ari-password").stat().st_mode & 0o777 == 0o600


@needs_openssl
def test_the_configuration_is_whole_holds_no_password_and_logs_to_the_console_alone(folders: Folders) -> None:
    first = site(folders, "192.168.1.10")
    main = configure(first, "ari's own secret", PROGRAM, folders)
    texts = {path.name: path.read_text() for path in main.parent.iterdir()}
    assert set(texts) >= {"asterisk.conf", "modules.conf", "pjsip.conf", "rtp.conf", "http.conf", "ari.conf"}
    secrets = ["ari's own secret", *(phone.password for phone in first.phones)]
    assert [name for name, text in texts.items() for secret in secrets if secret in text] == []
    assert "console =>" in texts["logger.conf"] and "messages.log" not in texts["logger.conf"]
    assert "external_media_address = 192.168.1.10" in texts["pjsip.conf"]
    assert f"astrundir => {folders.run}" in texts["asterisk.conf"], "where the health check looks for its socket"


@needs_openssl
def test_a_site_that_is_open_is_refused(folders: Folders) -> None:
    weak = replace(site(folders), phones=(replace(site(folders).phones[0], password="short"),))
    with pytest.raises(SettingsError, match="weak"):
        configure(weak, "ari's own secret", PROGRAM, folders)


def test_the_site_has_ports_for_as_many_calls_as_are_taken(folders: Folders) -> None:
    first = site(folders)
    limit = load(FOLDER / "conf" / "dragoman.toml").calls.limit
    # Two legs, each with a port for RTP and one for RTCP.
    assert first.rtp_last - first.rtp_first + 1 >= 4 * limit


def test_triton_is_started_with_the_flags_of_every_other_run_on_its_usual_ports() -> None:
    argv = command(Path("/opt/tritonserver"), Path("/models"), ["--log-verbose=1"])
    assert argv[0] == "/opt/tritonserver/bin/tritonserver" and argv[-1] == "--log-verbose=1"
    assert set(FLAGS) <= set(argv) and "--model-repository=/models" in argv
    assert {f"--{name}-port={port}" for name, port in PORTS.items()} <= set(argv)
    assert not any("address" in flag for flag in argv), "others than this container ask it"
    assert set(argv) - set(command(Path("/opt/tritonserver"), Path("/models"), gpu=True)) == {NO_GPU, argv[-1]}


class _Triton(BaseHTTPRequestHandler):
    """Its model `whole` is ready, `broken` is not."""

    def do_GET(self) -> None:
        self.send_response(200 if "/whole/" in self.path or self.path == "/livez" else 400)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Triton)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _exported(repository: Path, *models: str) -> Path:
    for model in models:
        (repository / model / "1" / "weights").mkdir(parents=True)
    (repository / "without-weights" / "1").mkdir(parents=True)
    return repository


@pytest.mark.parametrize(
    ("models", "code", "said"),
    [
        (("whole",), 0, ""),
        (("whole", "broken"), 1, "no answer from broken"),
        ((), 1, "has weights: export some"),
    ],
)
def test_triton_is_well_where_every_model_with_weights_answers(
    models: tuple[str, ...], code: int, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    repository = _exported(tmp_path, *models)
    with serving() as base:
        assert health.main(["--models", str(repository), base]) == code
    assert said in capsys.readouterr().err


def test_the_controller_is_well_where_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    with serving() as base:
        assert health.main([f"{base}/livez"]) == 0
        assert health.main([f"{base}/other"]) == 1
    assert "400" in capsys.readouterr().err
    assert health.main([f"{base}/livez"]) == 1, "nobody listens any more"
