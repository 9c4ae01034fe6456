"""Debian packages without root, from a small signed archive that the test itself makes and serves on loopback."""

from __future__ import annotations

import functools
import gzip
import hashlib
import http.server
import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from asterisk import debian
from controller.stack.ports import free_ports
from export.setup.errors import SetupError, Unreachable, WrongDigest
from export.setup.programs import Programs, Result

TOOLS = ("apt-get", "dpkg-deb", "gpg", "gpgv")
needs_tools = pytest.mark.skipif(
    not all(shutil.which(tool) for tool in TOOLS), reason=f"one of {', '.join(TOOLS)} is not on this machine"
)


def test_mirrors_best_guess_first() -> None:
    said = """http://vendor/apt/
http://mirror/debian/
http://mirror/debian/
http://mirror/debian-security/
http://archive/ubuntu/
http://other/
"""
    assert debian.parse_mirrors(said) == ["http://mirror/debian", "http://vendor/apt", "http://other"]
    assert debian.parse_mirrors(said, "http://mine/debian/")[0] == "http://mine/debian"
    assert debian.parse_mirrors("http://mine\n", "http://mine/") == ["http://mine"]
    assert debian.parse_mirrors("\n") == []


def test_no_mirror_at_all_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(debian.MIRROR_VARIABLE, raising=False)

    class Silent(Programs):
        def run(self, *args: object, **kwargs: object) -> Result:
            return Result(0, "", "")

    with pytest.raises(Unreachable, match=debian.MIRROR_VARIABLE):
        debian.mirrors(Silent())


def test_a_machine_without_the_archive_keys_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(debian.KEYRING_VARIABLE, str(tmp_path / "none"))
    with pytest.raises(SetupError, match="debian-archive-keyring"):
        debian.keyring()


def test_a_library_of_the_hosts_counts_as_missing(tmp_path: Path) -> None:
    """The loader of an unpacked root also looks in the host's folders: found there is not found."""
    libraries = tmp_path / debian.LIBRARIES
    libraries.mkdir(parents=True)
    shutil.copy("/lib64/ld-linux-x86-64.so.2", tmp_path / debian.LOADER)
    program = tmp_path / "sh"
    shutil.copy("/bin/sh", program)
    assert "libc.so.6" in debian.unresolved(tmp_path, [program], Programs())
    shutil.copy("/lib/x86_64-linux-gnu/libc.so.6", libraries)
    assert "libc.so.6" not in debian.unresolved(tmp_path, [program], Programs())
    assert debian.unresolved(tmp_path, [tmp_path / "gone"], Programs()) == ["gone"]


@dataclass
class Served:
    """A signed archive with one package, `greeting` 1.2-1, on loopback."""

    folder: Path
    address: str
    home: Path

    @property
    def deb(self) -> Path:
        return self.folder / "pool" / "greeting_1.2-1_amd64.deb"

    def sign(self) -> None:
        release = self.folder / "dists" / "bookworm"
        subprocess.run(
            [
                "gpg",
                "--homedir",
                self.home,
                "--batch",
                "--yes",
                "--clearsign",
                "-o",
                release / "InRelease",
                release / "Release",
            ],
            check=True,
            capture_output=True,
        )


CONTROL = "Package: greeting\nVersion: 1.2-1\nArchitecture: amd64\nMaintainer: x <x@y>\nDescription: x\n"


def build_package(folder: Path) -> None:
    """`greeting`, as bookworm's packages are: a program in bin, a library folder outside usr, a manual."""
    tree = folder / "tree"
    for name, text in {
        "DEBIAN/control": CONTROL,
        "usr/bin/greet": "#!/bin/sh\necho hello\n",
        "lib/x86_64-linux-gnu/libgreet.so.1": "library",
        "usr/share/man/man1/greet.1": "manual",
        "usr/share/doc/greeting/copyright": "free",
    }.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    (folder / "pool").mkdir()
    for package, extra in (("greeting", ""), ("base-files", "")):
        control = tree / "DEBIAN" / "control"
        control.write_text(control.read_text().replace("Package: greeting", f"Package: {package}") + extra)
        target = folder / "pool" / f"{package}_1.2-1_amd64.deb"
        subprocess.run(["dpkg-deb", "--root-owner-group", "-b", tree, target], check=True, capture_output=True)


def write_index(folder: Path) -> None:
    entries = []
    for deb in sorted((folder / "pool").glob("*.deb")):
        content = deb.read_bytes()
        entries.append(
            f"Package: {deb.name.partition('_')[0]}\nVersion: 1.2-1\nArchitecture: amd64\nMaintainer: x <x@y>\n"
            f"Filename: pool/{deb.name}\nSize: {len(content)}\nSHA256: {hashlib.sha256(content).hexdigest()}\n"
            "Description: x\n"
        )
    packages = folder / "dists" / "bookworm" / "main" / "binary-amd64"
    packages.mkdir(parents=True)
    (packages / "Packages.gz").write_bytes(gzip.compress("\n".join(entries).encode()))
    plain = "\n".join(entries).encode()
    hashed = [(plain, "Packages"), ((packages / "Packages.gz").read_bytes(), "Packages.gz")]
    (packages.parents[1] / "Release").write_text(
        "Origin: Test\nSuite: bookworm\nCodename: bookworm\nDate: Thu, 01 Jan 2026 00:00:00 UTC\n"
        "Architectures: amd64\nComponents: main\nSHA256:\n"
        + "".join(f" {hashlib.sha256(c).hexdigest()} {len(c)} main/binary-amd64/{name}\n" for c, name in hashed)
    )


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("archive")
    home = folder / "keys"
    home.mkdir(mode=0o700)
    build_package(folder)
    write_index(folder)
    batch: list[str | Path] = ["gpg", "--homedir", home, "--batch", "--passphrase", ""]
    subprocess.run([*batch, "--quick-gen-key", "test", "ed25519", "sign"], check=True, capture_output=True)
    subprocess.run([*batch, "--export", "-o", folder / "keyring.gpg"], check=True, capture_output=True)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    served = Served(folder, f"http://127.0.0.1:{server.server_port}", home)
    served.sign()
    yield served
    server.shutdown()
    thread.join()
    server.server_close()
    subprocess.run(["gpgconf", "--homedir", home, "--kill", "gpg-agent"], check=False, capture_output=True)


@pytest.fixture
def archives(archive: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> debian.Archives:
    """Only the test's own archive is known."""
    monkeypatch.setenv(debian.KEYRING_VARIABLE, str(archive.folder / "keyring.gpg"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(debian, "mirrors", lambda programs: [archive.address])
    return debian.Archives(tmp_path / "apt", Programs(), retries=0)


@needs_tools
def test_a_package_is_fetched_unpacked_and_wrapped(archives: debian.Archives, tmp_path: Path) -> None:
    archive, version = archives.choose("greeting", ["bookworm"], "1.2")
    assert version == "1.2-1"
    debs = archive.download(["greeting"], tmp_path / "debs")
    root = tmp_path / "made" / "root"
    debian.unpack(debs, root, Programs())
    files = sorted(str(one.relative_to(root)) for one in root.rglob("*") if one.is_file())
    assert files == [
        "usr/bin/greet",
        "usr/lib/x86_64-linux-gnu/libgreet.so.1",
        "usr/share/doc/greeting/copyright",
    ]
    debian.write_wrappers(tmp_path / "made" / "run", ["greet"])
    assert (tmp_path / "made" / "run" / "greet").stat().st_mode & 0o111
    assert archives.open("bookworm") is archive, "the index is fetched once"


@needs_tools
def test_a_version_too_low_is_said(archives: debian.Archives) -> None:
    with pytest.raises(Unreachable, match=r"no archive offers greeting 1\.3 or newer \(bookworm has 1\.2-1\)"):
        archives.choose("greeting", ["bookworm"], "1.3")


@needs_tools
def test_a_suite_that_is_not_there_is_said(archives: debian.Archives) -> None:
    with pytest.raises(Unreachable, match="gave the index of forky"):
        archives.open("forky")


@needs_tools
def test_a_package_that_was_changed_is_refused_and_deleted(
    archive: Served, archives: debian.Archives, tmp_path: Path
) -> None:
    good = archive.deb.read_bytes()
    changed = good[:-1] + bytes([good[-1] ^ 1])
    archive.deb.write_bytes(changed)
    try:
        with pytest.raises(WrongDigest) as refused:
            archives.open("bookworm").download(["greeting"], tmp_path / "debs")
    finally:
        archive.deb.write_bytes(good)
    assert refused.value.file == archive.deb.name
    assert refused.value.expected == hashlib.sha256(good).hexdigest()
    assert refused.value.found == hashlib.sha256(changed).hexdigest()
    assert list((tmp_path / "debs").glob("*.deb*")) == []


@needs_tools
def test_an_index_signed_by_another_is_refused(
    archive: Served, archives: debian.Archives, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "others"
    home.mkdir(mode=0o700)
    batch: list[str | Path] = ["gpg", "--homedir", home, "--batch", "--passphrase", ""]
    subprocess.run([*batch, "--quick-gen-key", "other", "ed25519", "sign"], check=True, capture_output=True)
    subprocess.run([*batch, "--export", "-o", tmp_path / "other.gpg"], check=True, capture_output=True)
    subprocess.run(["gpgconf", "--homedir", home, "--kill", "gpg-agent"], check=False, capture_output=True)
    monkeypatch.setenv(debian.KEYRING_VARIABLE, str(tmp_path / "other.gpg"))
    with pytest.raises(Unreachable, match="gave the index of bookworm"):
        archives.open("bookworm")


@needs_tools
def test_a_mirror_that_cannot_be_reached_is_tried_once(
    archives: debian.Archives, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_ports(1)[0]
    monkeypatch.setattr(debian, "mirrors", lambda programs: [f"http://127.0.0.1:{port}/debian"])
    for suite in ("bookworm", "forky"):
        with pytest.raises(Unreachable, match="cannot be reached"):
            archives.open(suite)
    assert [one.name for one in archives._folder.iterdir()] == ["bookworm-0"]
