"""`dragoman voice make --out FILE CLIP...` and `voice show FILE`: voices as files, made from somebody's recordings.

All other verbs are about profiles: see `profiles`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path
from typing import Any

from controller.commands import profiles
from controller.commands.reaching import asking_triton, triton_settings
from controller.settings import load
from controller.voices import latents
from controller.voices.clips import clips, conditioned


def add(commands: Any) -> None:
    """Add `voice` to the command line's sub-commands."""
    voice = commands.add_parser("voice", help="voices: profiles that are enrolled, and files made from recordings")
    verbs = voice.add_subparsers(required=True, metavar="VERB")

    make = verbs.add_parser("make", help="a voice from 3 to 30 s of somebody's speech (Triton's xtts_conditioning)")
    make.add_argument("clips", nargs="+", type=Path, metavar="CLIP", help="a WAV; several are laid end to end")
    make.add_argument("--out", type=Path, required=True, help="the voice file (.npz)")
    make.add_argument("--name", help="whose voice it is; by default the file's name")
    make.add_argument("--triton", metavar="HOST:PORT", help="its gRPC service; by default what the settings say")
    make.add_argument("--config", type=Path, help="the settings, for Triton's address")
    make.set_defaults(run=_make)

    show = verbs.add_parser("show", help="what is known of a profile, or what is in a voice file")
    show.add_argument("file", metavar="NAME|FILE", help="of a profile; or a voice file, .npz")
    profiles.add_store(show)
    show.set_defaults(run=_show)
    profiles.add(verbs)


def _make(options: argparse.Namespace) -> int:
    pcm, rate = clips(options.clips)
    grpc = triton_settings(load(options.config), options.triton).grpc
    with asking_triton(grpc):
        made = asyncio.run(conditioned(pcm, rate, grpc))
    voice = latents.write(options.out, made, name=options.name or options.out.stem)
    print(f"{options.out} is the voice of {voice.name}, made from {len(pcm) / rate:.1f} s of speech")
    return 0


def _show(options: argparse.Namespace) -> int:
    if not options.file.endswith(".npz"):
        return profiles.show(options)
    voice = latents.read(Path(options.file))
    count, width = voice.latents.gpt_conditioning.shape
    about = {
        "schema": latents.SCHEMA,
        "name": voice.name,
        "model": voice.model,
        "made": voice.made,
        "latents": count,
        "width": width,
    }
    if options.json:
        print(json.dumps(about))
        return 0
    print(f"{options.file} is the voice of {voice.name or 'nobody named'}, made {voice.made or 'at an unknown time'}")
    print(f"  {count} latents of {width} numbers; by the model {voice.model or 'unknown'}")
    return 0
