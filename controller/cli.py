"""The command line: `dragoman COMMAND`, the same as `python -m controller COMMAND`."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from controller.commands import call, replay, say, voice
from controller.errors import DragomanError
from export.setup.cache import REPOSITORY


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code. What goes wrong is told in a sentence, without a traceback."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    if arguments[:1] == ["export"]:  # its own parser: it also runs where the controller is not installed
        from export.cli import main as export_main

        return export_main(arguments[1:])
    options = _parser().parse_args(arguments)
    logging.basicConfig(
        level=logging.INFO if options.verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    try:
        code: int = options.run(options)
    except DragomanError as error:
        print(f"dragoman: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("dragoman: interrupted", file=sys.stderr)
        return 130
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dragoman", description="A realtime interpreter for phone calls.")
    parser.add_argument("-v", "--verbose", action="store_true", help="tell what happens")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="take calls from Asterisk until told to stop")
    serve.add_argument("--config", type=Path, help="a TOML file; DRAGOMAN_* variables win over it")
    serve.add_argument("--reload", action="store_true", help="for developers: start anew whenever its code changes")
    serve.set_defaults(run=_serve)

    demo = commands.add_parser("demo", help="one real call between two soft phones on this machine")
    demo.add_argument("--report", type=Path, default=Path("build/demo"), help="folder for report and recordings")
    demo.add_argument("--model-repository", type=Path, default=REPOSITORY / "model_repository")
    demo.add_argument("--caller", type=Path, help="your own WAV for the caller")
    demo.add_argument("--callee", type=Path, help="your own WAV for the called party")
    demo.add_argument("--from", dest="source", default="en", help="language of the caller")
    demo.add_argument("--to", dest="target", default="es", help="language of the called party")
    for kind, default in (("stt", "whisper"), ("mt", "apertium"), ("tts", "pico")):
        demo.add_argument(f"--{kind}", default=default, help=f"the {kind} engine")
    demo.set_defaults(run=_demo)

    doctor = commands.add_parser("doctor", help="what is installed, what is missing, what to do about it")
    doctor.add_argument("--asterisk", action="store_true", help="instead: what a running Asterisk lacks for calls")
    doctor.add_argument("--config", type=Path, help="the settings, for Asterisk's address, user and password")
    doctor.set_defaults(run=_doctor)

    call.add(commands)
    replay.add(commands)
    voice.add(commands)
    say.add(commands)
    commands.add_parser("export", help="make models ready: see `dragoman export --help`")
    return parser


def _demo(options: argparse.Namespace) -> int:
    from controller.demo.run import DemoOptions, run

    return run(
        DemoOptions(
            report=options.report,
            repository=options.model_repository,
            caller=options.caller,
            callee=options.callee,
            source=options.source,
            target=options.target,
            stt=options.stt,
            mt=options.mt,
            tts=options.tts,
        )
    )


def _doctor(options: argparse.Namespace) -> int:
    from controller.doctor import asterisk_report, report

    return asterisk_report(options.config) if options.asterisk else report()


def _reload(options: argparse.Namespace) -> int:
    from controller.reloading import Reloading

    verbose = ["-v"] if options.verbose else []
    config = ["--config", str(options.config)] if options.config else []
    watched = [Path(__file__).parent, *([options.config] if options.config else [])]
    return Reloading([sys.executable, "-m", "controller", *verbose, "serve", *config], watched).run()


def _serve(options: argparse.Namespace) -> int:
    if options.reload:
        return _reload(options)
    import uvloop

    from controller.service import Service, settle
    from controller.settings import load
    from controller.signals import Signals
    from controller.telemetry.logs import configured

    settings = load(options.config)

    async def serve() -> None:
        service = Service(settings)
        await service.start()
        settle()
        signals = Signals()
        port = service.api.port if service.api else 0
        print(f"dragoman: taking calls; health and metrics on http://{settings.api.host}:{port}", flush=True)
        await signals.until_ended(service.drain)
        await service.stop()

    logged = settings.logging.model_copy(update={"level": "info"}) if options.verbose else settings.logging
    with configured(logged):
        uvloop.run(serve())
    return 0


if __name__ == "__main__":
    sys.exit(main())
