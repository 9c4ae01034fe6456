"""docs/configuration.md out of the settings: `python -m controller.settings_reference >docs/configuration.md`."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from controller.settings import Settings

_HEAD = """# Configuration

Made from the settings in `controller/settings.py`; `make check` fails where they differ. A TOML file is given with
`dragoman serve --config FILE`. A variable wins over the file: `DRAGOMAN_VAD__MODE=2` sets `mode` in `[vad]`. A wrong
value is told in one sentence, and nothing starts.
"""


def markdown() -> str:
    """The whole page."""
    parts = [_HEAD]
    for name, field in Settings.model_fields.items():
        model = field.annotation
        assert isinstance(model, type) and issubclass(model, BaseModel)
        parts.append(f"\n## [{name}]\n\n{model.__doc__}\n\n| setting | default | what it is |\n|---|---|---|\n")
        parts.extend(_row(key, one) for key, one in model.model_fields.items())
    return "".join(parts)


def _row(name: str, field: FieldInfo) -> str:
    assert field.description, f"the setting {name} has no description"
    bounds = [_bound(one) for one in field.metadata]
    what = "; ".join([field.description, *[bound for bound in bounds if bound]])
    return f"| `{name}` | `{_default(field.default)}` | {what} |\n"


def _default(value: Any) -> str:
    return json.dumps("" if isinstance(value, SecretStr) else value, default=str)


def _bound(metadata: Any) -> str:
    words = {"ge": "at least", "gt": "more than", "le": "at most"}
    return "".join(f"{text} {getattr(metadata, key):g}" for key, text in words.items() if hasattr(metadata, key))


if __name__ == "__main__":
    print(markdown(), end="")
