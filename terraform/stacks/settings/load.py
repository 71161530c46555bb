"""From a settings file to `Settings`, or to one error that lists everything wrong with it."""

from __future__ import annotations

import json
import types
import typing
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from terraform.stacks.settings.checks import problems_in
from terraform.stacks.settings.errors import SettingsError, problem_from
from terraform.stacks.settings.root import Settings
from terraform.stacks.settings.yaml_file import parse_yaml, read_yaml

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


Model = typing.TypeVar("Model", bound=BaseModel)


def load_settings(path: Path, source: str | None = None) -> Settings:
    """Read and check a settings file.

    Raises
    ------
    SettingsError
        With one `Problem` per fault: key, value, expectation and remedy.
    """
    source = source or path.name
    return _validated(read_yaml(path, source), source)


def parse_settings(text: str, source: str = "settings.yaml") -> Settings:
    """Check settings given as YAML text; see `load_settings`."""
    return _validated(parse_yaml(text, source), source)


def validate_model(model: type[Model], data: dict[str, Any], source: str) -> Model:
    """Validate a parsed document against a pydantic model, with this project's error messages.

    Raises
    ------
    SettingsError
        When the document does not fit.
    """
    try:
        # By way of JSON: there, strict mode takes a list for a tuple, yet still no "3" for a 3.
        return model.model_validate_json(json.dumps(data, default=str))
    except ValidationError as error:
        details = error.errors(include_url=False)
        problems = [problem_from(detail, _keys_at(model, detail["loc"][:-1])) for detail in details]
        raise SettingsError(source, problems) from None


def _validated(data: dict[str, Any], source: str) -> Settings:
    settings = validate_model(Settings, data, source)
    problems = list(problems_in(settings))
    if problems:
        raise SettingsError(source, problems)
    return settings


def _keys_at(model: type[BaseModel], path: Sequence[int | str]) -> list[str]:
    """List the keys a model allows at a place in a document, following fields, lists and mappings."""
    current: Any = model
    for part in path:
        inside = _models_of(current)
        field = inside.model_fields.get(str(part)) if inside else None
        current = field.annotation if field else _element_of(current)
    inside = _models_of(current)
    return list(inside.model_fields) if inside else []


def _models_of(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if typing.get_origin(annotation) in {types.UnionType, typing.Union, typing.Annotated}:
        found = (_models_of(part) for part in typing.get_args(annotation))
        return next((model for model in found if model), None)
    return None


def _element_of(annotation: Any) -> Any:
    """Find what a list or a mapping holds, looking through unions and annotations."""
    if typing.get_origin(annotation) in {types.UnionType, typing.Union, typing.Annotated}:
        return next((found for part in typing.get_args(annotation) if (found := _element_of(part))), None)
    if typing.get_origin(annotation) is dict:
        return typing.get_args(annotation)[1]
    if typing.get_origin(annotation) is tuple:
        return typing.get_args(annotation)[0]
    return None
