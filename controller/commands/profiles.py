"""`dragoman voice list`, `enrol`, `delete`, `export`, `import`, `rebuild`, `consent`, `revoke`, `verify`, `similar`.

The same as the API's routes do, on the store that the settings name; a running service sees it within seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, Final

from controller.commands.reaching import asking_triton, triton_settings
from controller.errors import DragomanError, UsageError
from controller.settings import load
from controller.stack.wav import read_content
from controller.triton.client import TritonClient
from controller.voices.calibration import Calibration, Refusal, take, takes
from controller.voices.keeper import Gone, Keeper, Person
from controller.voices.npz import Card
from controller.voices.opening import keeper_of
from controller.voices.profile import Consent, Profile, check_name, told
from controller.voices.quality import Take
from controller.voices.store import now

Act = Callable[[Keeper, argparse.Namespace], Coroutine[Any, Any, int]]

RECORDINGS: Final = ("*.wav", "*.WAV")


def add(verbs: Any) -> None:
    """Add what is done with profiles to the verbs of `voice`."""
    _verb(verbs, "list", "who is enrolled", _list)

    enrol = _verb(
        verbs, "enrol", "make a profile from three recordings or more, or those of a folder of people", _enrol
    )
    enrol.add_argument("name", nargs="?", help="what the voice is called: a-z, 0-9, - and _")
    enrol.add_argument("clips", nargs="*", type=Path, metavar="CLIP", help="a WAV of 3 to 30 s")
    enrol.add_argument("--folder", type=Path, help="instead: a folder with a folder of recordings for each person")
    enrol.add_argument("--anew", action="store_true", help="in place of the recordings of a voice that is there")
    enrol.add_argument("--user", default="", help="whose voice it is")
    enrol.add_argument(
        "--caller", action="append", default=[], help="a number whose calls are theirs; any number of times"
    )
    enrol.add_argument("--language", action="append", default=[], help="which they speak; any number of times")
    enrol.add_argument("--consent", metavar="WHO", help="who has agreed to its use; see `voice consent`")
    enrol.add_argument("--text", default="1", help="which version of the text they agreed to")

    for name, what, act in (
        ("delete", "leave nothing of a voice, nor of whose it was", _delete),
        ("revoke", "note that its owner agrees no more, and leave nothing of the voice", _revoke),
    ):
        _verb(verbs, name, what, act).add_argument("name")

    consent = _verb(verbs, "consent", "note that a voice's owner agrees to its use", _consent)
    consent.add_argument("name")
    consent.add_argument("--who", required=True, help="who agreed")
    consent.add_argument("--how", default="command", help="how they did")
    consent.add_argument("--text", default="1", help="which version of the text they agreed to")

    export = _verb(verbs, "export", "a voice as a file of its own, sealed as it is in the store", _export)
    export.add_argument("name")
    export.add_argument("--out", type=Path, required=True)

    bring = _verb(verbs, "import", "add the voices in files that `voice export` made", _import)
    bring.add_argument("files", nargs="+", type=Path, metavar="FILE")
    bring.add_argument("--name", help="what it is called here, where it is one; by default as it was")
    bring.add_argument("--key-file", type=Path, help="what opens them; by default voices.key")

    rebuild = _verb(verbs, "rebuild", "make voices anew of their own recordings, for other models", _rebuild)
    rebuild.add_argument("names", nargs="*", metavar="NAME", help="none: all of them")

    verify = _verb(verbs, "verify", "whether a recording is a voice's owner's (exit code 2 where it is not)", _verify)
    verify.add_argument("name")
    verify.add_argument("clip", type=Path)

    similar = _verb(verbs, "similar", "who sounds most like a recording, or like a voice", _similar)
    similar.add_argument("what", help="a WAV, or the name of a voice")


def show(options: argparse.Namespace) -> int:
    """`voice show NAME`: a profile, where it is no file."""
    return _run(_show)(options)


def _verb(verbs: Any, name: str, what: str, act: Act) -> Any:
    parser = verbs.add_parser(name, help=what)
    add_store(parser)
    parser.set_defaults(run=_run(act))
    return parser


def add_store(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where voices are kept, and what makes them."""
    parser.add_argument("--config", type=Path, help="the settings: where voices are kept, their key, Triton's address")
    parser.add_argument("--store", help="a folder or a URL, in place of the settings' voices.store")
    parser.add_argument("--triton", metavar="HOST:PORT", help="its gRPC service; by default what the settings say")
    parser.add_argument("--json", action="store_true", help="as JSON")


def _run(act: Act) -> Callable[[argparse.Namespace], int]:
    def run(options: argparse.Namespace) -> int:
        async def main() -> int:
            settings = load(options.config)
            voices = settings.voices
            if options.store:
                voices = voices.model_copy(update={"store": options.store})
            grpc = triton_settings(settings, options.triton).grpc
            with asking_triton(grpc):
                async with TritonClient(grpc) as triton:
                    return await act(keeper_of(voices, triton), options)

        return asyncio.run(main())

    return run


def _say(options: argparse.Namespace, about: Any, sentence: str) -> None:
    print(json.dumps(about, ensure_ascii=False) if options.json else sentence)


# Looking


async def _list(keeper: Keeper, options: argparse.Namespace) -> int:
    await keeper.library.refresh()
    cards, broken = keeper.library.cards, keeper.library.broken
    if options.json:
        print(json.dumps({"voices": [_line(one) for one in cards], "broken": broken}, ensure_ascii=False))
        return 0
    for one in cards:
        languages = " ".join(one.languages)
        state = "usable" if one.usable is None else one.usable
        print(f"{one.name}  v{one.version}  {one.user or 'nobody named'}  {languages}  {one.clips} clips  {state}")
    for name, why in broken.items():
        print(f"{name}  cannot be read: {why}")
    if not cards and not broken:
        print(f"no voice is kept in {keeper.store.where}")
    return 0


def _line(card: Card) -> dict[str, Any]:
    return {
        "name": card.name,
        "version": card.version,
        "user": card.user,
        "languages": card.languages,
        "clips": card.clips,
        "usable": card.usable is None,
    }


async def _show(keeper: Keeper, options: argparse.Namespace) -> int:
    about = told(await asyncio.to_thread(keeper.store.get, options.file))
    if options.json:
        print(json.dumps(about, ensure_ascii=False))
        return 0
    print(f"{about['name']} is the voice of {about['user'] or 'nobody named'}, version {about['version']}")
    print(f"  {about['why_not'] or 'it may be used'}")
    for clip in about["clips"]:
        warned = "".join(f"; {one}" for one in clip["warnings"])
        print(f"  {clip['name']}: {clip['seconds']:.1f} s, {clip['band']}, {clip['snr_db']:.0f} dB above noise{warned}")
    if about["encoders"]:
        print(f"  made by {', '.join(one['id'] for one in about['encoders'].values())}")
    print(f"  its recordings are {'kept' if about['recordings_kept'] else 'not kept'}")
    return 0


async def _verify(keeper: Keeper, options: argparse.Namespace) -> int:
    verdict = await keeper.verify(options.name, _take(options.clip))
    said = "is" if verdict.same else "is not"
    _say(
        options,
        verdict.told(),
        f"{options.clip} {said} the voice of {options.name}: likeness {verdict.likeness:.2f}, "
        f"from {verdict.threshold:.2f} on ({verdict.band})",
    )
    return 0 if verdict.same else 2


async def _similar(keeper: Keeper, options: argparse.Namespace) -> int:
    await keeper.library.refresh()
    if Path(options.what).suffix.lower() == ".wav":
        found = await keeper.similar(_take(Path(options.what)))
    else:
        found = await keeper.similar_to(check_name(options.what))
    lines = [f"{name}  {alike:.2f}" for name, alike in found]
    _say(options, [{"name": name, "likeness": alike} for name, alike in found], "\n".join(lines) or "nobody")
    return 0


# Making and changing


async def _enrol(keeper: Keeper, options: argparse.Namespace) -> int:
    if options.folder is not None:
        if options.name:
            raise UsageError("Give a name and recordings, or --folder, not both.")
        return await _enrol_folder(keeper, options)
    if not options.name:
        raise UsageError("Give a name and three recordings or more, or --folder.")
    return await _one(keeper, options, options.name, options.clips, options.user)


async def _enrol_folder(keeper: Keeper, options: argparse.Namespace) -> int:
    """A person a folder; what is wrong with one does not keep the others out."""
    if not options.folder.is_dir():
        raise UsageError(f"{options.folder} is no folder: give one with a folder of recordings for each person.")
    people = sorted(path for path in options.folder.iterdir() if path.is_dir())
    if not people:
        raise UsageError(f"{options.folder} holds no folders: make one for each person, with their recordings in it.")
    return await _each(
        [(one.name, _one(keeper, options, one.name, _recordings(one), options.user or one.name)) for one in people]
    )


def _recordings(folder: Path) -> list[Path]:
    return sorted({path for pattern in RECORDINGS for path in folder.glob(pattern)})


async def _one(keeper: Keeper, options: argparse.Namespace, name: str, clips: list[Path], user: str) -> int:
    given: list[Take | Refusal] = await asyncio.to_thread(_takes, clips)
    if options.anew:
        profile, made = await keeper.calibrate(name, given)
    else:
        agreed = Consent(options.consent, now(), "command", options.text) if options.consent else None
        person = Person(user, tuple(options.caller), tuple(options.language), agreed)
        profile, made = await keeper.enrol(name, given, person)
    _told(options, profile, made, sealed=keeper.store.sealed)
    return 0


def _takes(clips: list[Path]) -> list[Take | Refusal]:
    return takes([(str(path), _read(path)) for path in clips])


def _told(options: argparse.Namespace, profile: Profile, made: Calibration, *, sealed: bool) -> None:
    if options.json:
        print(json.dumps(told(profile), ensure_ascii=False))
    else:
        kept = "" if sealed else "; its recordings are not kept, since no key is set (voices.key)"
        print(f"{profile.name}, version {profile.version}: made from {len(profile.clips)} clips{kept}")
    for sentence in (*(one.sentence for one in made.refused), *made.notes):
        print(f"dragoman: {sentence}", file=sys.stderr)
    if profile.usable is not None:
        print(f"dragoman: {profile.usable}", file=sys.stderr)


async def _rebuild(keeper: Keeper, options: argparse.Namespace) -> int:
    names = options.names
    if not names:
        await keeper.library.refresh()
        names = [one.name for one in keeper.library.cards if one.clips]

    async def one(name: str) -> int:
        profile, made = await keeper.rebuild(check_name(name))
        _told(options, profile, made, sealed=keeper.store.sealed)
        return 0

    return await _each([(name, one(name)) for name in names])


async def _each(acts: list[tuple[str, Awaitable[int]]]) -> int:
    """One after the other; 1 where one of them could not be done."""
    failed = 0
    for name, act in acts:
        try:
            await act
        except DragomanError as error:
            failed = 1
            print(f"dragoman: {name}: {error}", file=sys.stderr)
    return failed


async def _consent(keeper: Keeper, options: argparse.Namespace) -> int:
    profile = await keeper.consent(options.name, Consent(options.who, now(), options.how, options.text))
    _say(options, told(profile), f"{options.who} agrees to the use of the voice {options.name}")
    return 0


async def _revoke(keeper: Keeper, options: argparse.Namespace) -> int:
    return _gone(options, await keeper.revoke(options.name), "is not agreed to any more, and nothing of it is left")


async def _delete(keeper: Keeper, options: argparse.Namespace) -> int:
    return _gone(options, await keeper.delete(options.name), "is deleted, and nothing of it is left")


def _gone(options: argparse.Namespace, gone: Gone, what: str) -> int:
    _say(options, gone.told(), f"The voice {gone.name} {what}")
    if gone.untold is not None:
        print(f"dragoman: {gone.untold}", file=sys.stderr)
    return 0


# Files


async def _export(keeper: Keeper, options: argparse.Namespace) -> int:
    content = await asyncio.to_thread(keeper.store.exported, options.name)
    try:
        options.out.touch(mode=0o600)
        options.out.write_bytes(content)
    except OSError as error:
        raise UsageError(f"{options.out} cannot be written: {error.strerror}.") from error
    _say(options, {"name": options.name, "file": str(options.out)}, f"{options.out} holds the voice {options.name}")
    return 0


async def _import(keeper: Keeper, options: argparse.Namespace) -> int:
    if options.name and len(options.files) > 1:
        raise UsageError("--name is for one file: leave it out, and each voice is called as it was.")
    key = _read(options.key_file).decode(errors="replace").strip() if options.key_file else ""

    async def one(path: Path) -> int:
        made = await asyncio.to_thread(
            lambda: keeper.store.imported(_read(path), str(path), name=options.name or "", key=key)
        )
        _say(options, told(made), f"{path} is the voice {made.name} by now")
        return 0

    return await _each([(str(path), one(path)) for path in options.files])


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error


def _take(path: Path) -> Take:
    return take(read_content(path), str(path))
