"""The documentation says what is so: every command that it names is one, every link leads somewhere.

Those of docs/quick-start.md are run by tests/integration/demo and tests/scenarios/serve, but for what needs root.
"""

from __future__ import annotations

import re
import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest

from asterisk import site
from controller import cli
from controller.api.openapi import DOCUMENT
from controller.errors import UsageError
from controller.settings import load
from export import cli as export_cli
from tests.documents import DOCUMENTS, ROOT, anchors, blocks, inline, links

COMMON = {
    *("apt-get", "aplay", "asciinema", "cat", "cd", "cp", "curl", "docker", "echo", "export", "git", "install"),
    *("journalctl", "mkdir", "openssl", "promtool", "python", "python3", "systemctl", "unzip"),
}
"""Programs that are not ours."""

LACKING = {"docker": "docker", "systemctl": "root", "apt-get": "root", "install": "root"}
"""What a block that has these must say that it needs."""

NEEDS = {"", "docker", "gpu", "key", "root", "weights"}

every_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)


def make_targets() -> dict[str, str]:
    """Of the Makefile, with what each says of itself."""
    text = (ROOT / "Makefile").read_text()
    return dict(re.findall(r"^([a-z][a-z-]*):[^#\n]*(?:## (.*))?$", text, re.MULTILINE))


def wrong(words: list[str]) -> str | None:
    """Why a command is none; None where it is one."""
    program, *arguments = [Path(words[0]).name, *words[1:]]
    if program == "make":
        return wrong_make(arguments)
    if program == "dragoman":
        return wrong_dragoman(arguments)
    if program in ("python", "python3") and arguments[:1] == ["-m"]:
        return None if find_spec(arguments[1]) else f"there is no module {arguments[1]}"
    if program == "curl":
        return wrong_address(arguments)
    return None if program in COMMON else f"{program} is nobody's"


def wrong_make(arguments: list[str]) -> str | None:
    text = (ROOT / "Makefile").read_text()
    for one in arguments:
        name, given, _ = one.partition("=")
        if given and f"$({name})" not in text:
            return f"the Makefile knows no {name}"
        if not given and name not in make_targets():
            return f"there is no target {name}"
    return None


def wrong_dragoman(arguments: list[str]) -> str | None:
    exports = arguments[:1] == ["export"]
    parser = export_cli._parser() if exports else cli._parser()
    try:
        parser.parse_args(arguments[1:] if exports else arguments)
    except (SystemExit, UsageError) as error:
        return f"`dragoman {' '.join(arguments)}` is refused: {error}"
    return None


def wrong_address(arguments: list[str]) -> str | None:
    known = "|".join(re.sub(r"\{\w+\}", "[^/]+", path) for path in DOCUMENT["paths"])
    for one in arguments:
        path = re.fullmatch(r"http://127\.0\.0\.1:8090(/[^?]*)(\?.*)?", one)
        if path and not re.fullmatch(known, path[1]):
            return f"the API has no {path[1]}"
    return None


@every_document
def test_every_command_is_one(document: Path, capsys: pytest.CaptureFixture[str]) -> None:
    troubles = []
    for block in blocks(document):
        assert block.needs in NEEDS, f"{document.name}: a block needs {block.needs!r}"
        for words in block.commands:
            if why := wrong(words):
                troubles.append(f"{' '.join(words)}: {why}")
            lacking = LACKING.get(words[0])
            if lacking and block.needs != lacking:
                troubles.append(f"{' '.join(words)}: say ```sh needs={lacking}")
    assert troubles == [], capsys.readouterr().err


@every_document
def test_what_is_named_in_passing_is_there(document: Path) -> None:
    """`make TARGET`, `dragoman COMMAND`, and files of ours, in backticks."""
    targets, commands = make_targets(), set(cli._parser()._subparsers._group_actions[0].choices)  # type: ignore
    for code in inline(document):
        words = code.split()
        if words[0] == "make" and len(words) > 1 and re.fullmatch(r"[a-z][a-z-]+", words[1]):
            assert words[1] in targets, code
        elif words[0] == "dragoman" and len(words) > 1 and re.fullmatch(r"[a-z]+", words[1]):
            assert words[1] in commands, code
        elif re.fullmatch(r"(controller|export|asterisk|docker|loadtest|tests|docs)/[\w./-]+", code):
            assert (ROOT / code).exists() or code.startswith("docker/."), code


@every_document
def test_settings_and_sites_are_taken(document: Path, tmp_path: Path) -> None:
    """A block of TOML is a file of settings, or of phones and numbers."""
    file = tmp_path / "given.toml"
    for block in blocks(document):
        if block.language == "toml":
            file.write_text(block.text)
            if "[[numbers]]" in block.text:
                assert site.read(file).numbers
            else:
                assert load(file)


@every_document
def test_every_link_leads_somewhere(document: Path) -> None:
    for target in links(document):
        if re.match(r"https?:", target):
            continue
        path, _, anchor = target.partition("#")
        linked = (document.parent / path).resolve() if path else document
        assert linked.exists(), f"{document.name} links to {target}"
        if anchor:
            assert anchor in anchors(linked), f"{document.name} links to {target}"


def test_every_document_is_reached_from_the_readme() -> None:
    seen, new = set(), {ROOT / "README.md"}
    while new:
        one = new.pop()
        seen.add(one)
        found = {(one.parent / target.partition("#")[0]).resolve() for target in links(one) if ":" not in target}
        new |= {path for path in found if path.suffix == ".md"} - seen
    assert [path.name for path in DOCUMENTS if path not in seen] == []


def test_a_wrong_command_is_found() -> None:
    assert wrong(["make", "nothing"]) == "there is no target nothing"
    assert wrong(["make", "demo", "WHAT=1"]) == "the Makefile knows no WHAT"
    assert wrong(["dragoman", "export", "nothing"]) is not None
    assert wrong(["dragoman", "serve", "--nothing"]) is not None
    assert wrong(["python", "-m", "asterisk.nothing"]) is not None
    assert wrong(["curl", "http://127.0.0.1:8090/v1/nothing"]) == "the API has no /v1/nothing"
    assert wrong(["unheard-of"]) is not None
    assert shutil.which("make"), "which the documents ask for"
