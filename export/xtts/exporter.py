"""Plans the export of XTTS v2. Runs where onnx and onnxruntime are; knows no command line."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from export.exporter import written_by
from export.parts import Plan
from export.runtime.xtts import config as configs
from export.xtts import parts
from export.xtts.source import Source


def planned(source: Source, licence: str | None) -> Plan:
    """The export of `source`; reads the whole checkpoint.

    Args:
        licence: the one that was accepted, for the record.
    """
    code = [*sorted(Path(__file__).parent.glob("*.py")), Path(configs.__file__)]
    return Plan(
        name=source.name,
        identity={"source": source.describe(), "exporter": written_by(*code), "licence": licence},
        room=parts.room(source.config),
        parts=partial(parts.plan, source),
    )
