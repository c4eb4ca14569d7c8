"""Secrets from files: `NAME_FILE=/run/secrets/name` in place of `NAME` (Docker, Kubernetes)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import AliasChoices, AliasPath, Field
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError
from pydantic_settings import PydanticBaseSettingsSource

FILE_ERROR = "secret_file"
_SUFFIX = "_FILE"


@dataclass(frozen=True, slots=True)
class _SecretMark:
    """In a field's metadata: its value is a secret."""

    file_may_be_empty: bool = False


Secret = Annotated[str, Field(repr=False), _SecretMark()]
"""A setting that `repr` hides and that may come from a file."""

OptionalSecret = Annotated[str, Field(repr=False), _SecretMark(file_may_be_empty=True)]
"""The same, and an empty file says that there is none: Compose mounts a file in any case. Never for
a secret without which something would be open that should be closed."""


def is_secret(field: FieldInfo) -> bool:
    return any(isinstance(mark, _SecretMark) for mark in field.metadata)


def names_of(name: str, field: FieldInfo) -> list[str]:
    """The environment's names for a field, the first one preferred."""
    alias = field.validation_alias
    match alias:
        case AliasChoices():
            choices = [str(each) for each in alias.choices if not isinstance(each, AliasPath)]
        case str():
            choices = [alias]
        case _:
            choices = [name]
    return [choice.upper() for choice in choices]


@dataclass(frozen=True, slots=True)
class Unusable:
    """Stands in a secret's place until the validators ask for it: all complaints come together."""

    sentence: str

    def raise_it(self) -> None:
        raise PydanticCustomError(FILE_ERROR, "{sentence}", {"sentence": self.sentence})


class SecretFiles(PydanticBaseSettingsSource):
    """Reads `NAME_FILE` for every secret of a settings class."""

    def __call__(self) -> dict[str, Any]:
        found = {}
        for name, field in self.settings_cls.model_fields.items():
            value, key, _ = self.get_field_value(field, name)
            if value is not None:
                found[key] = value
        return found

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """(value or None, its key, whether it is to be parsed: never)."""
        names = names_of(field_name, field)
        marks = [mark for mark in field.metadata if isinstance(mark, _SecretMark)]
        value = _read(names, may_be_empty=marks[0].file_may_be_empty) if marks else None
        return value, names[0].lower(), False


def _read(names: list[str], *, may_be_empty: bool) -> str | Unusable | None:
    environment = {name.upper(): value for name, value in os.environ.items() if value}
    of_files = [name + _SUFFIX for name in names if name + _SUFFIX in environment]
    if not of_files:
        return None
    chosen = of_files[0]
    try:
        text = Path(environment[chosen]).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        return Unusable(f"{chosen} names a file that cannot be read ({reason.lower()})")
    if not text and may_be_empty:
        return None
    # LiveKit's agent server puts its secret into the environment of its job processes: twice the
    # same is no contradiction.
    others = [name for name in names if environment.get(name, text) != text] + of_files[1:]
    if others:
        return Unusable(f"{others[0]} and {chosen} are both given, keep one of them")
    return text or Unusable(f"{chosen} names an empty file")
