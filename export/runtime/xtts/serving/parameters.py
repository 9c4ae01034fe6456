"""`Serving` out of words, as a server's configuration has them."""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from export.runtime.xtts.serving.settings import Serving


def serving(words: Mapping[str, str]) -> Serving:
    """The settings that `words` names, the others as they are by default.

    Raises:
        ValueError: there is no such setting, or it cannot be that.
    """
    kinds = get_type_hints(Serving)
    if strange := sorted(words.keys() - kinds.keys()):
        raise ValueError(f"there is no parameter {', '.join(strange)}: there are {', '.join(kinds)}")
    return Serving(**{name: _value(name, word, kinds[name]) for name, word in words.items()})


def _value(name: str, word: str, kind: Any) -> Any:
    if get_origin(kind) is Literal:
        return _one_of(name, word, {choice: choice for choice in get_args(kind)})
    if kind is bool:
        return _one_of(name, word, {"true": True, "false": False})
    if NoneType in get_args(kind):
        if word == "none":
            return None
        (kind,) = set(get_args(kind)) - {NoneType}
    try:
        return kind(word)
    except ValueError as error:
        raise ValueError(f"{name} is {word!r}: give a number") from error


def _one_of(name: str, word: str, choices: Mapping[str, Any]) -> Any:
    if word not in choices:
        raise ValueError(f"{name} is {word!r}: give {' or '.join(choices)}")
    return choices[word]
