"""Read YAML the careful way: a repeated key is an error, and a syntax error says where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from terraform.stacks.settings.errors import MISSING, Problem, SettingsError

if TYPE_CHECKING:
    from collections.abc import Hashable
    from pathlib import Path


class _UniqueKeyLoader(yaml.SafeLoader):
    """SafeLoader keeps the last of two equal keys in silence; a settings file must not hide a value like that."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            fault = None
            if isinstance(key, list | dict):
                fault = "a list or a mapping stands where a key should be"
            elif key in seen:
                fault = f"the key '{key}' stands here a second time"
            if fault:
                raise yaml.constructor.ConstructorError(None, None, fault, key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path, source: str) -> dict[str, Any]:
    """Read a YAML mapping.

    Parameters
    ----------
    path : Path
        The file.
    source : str
        The file's name in error messages.

    Raises
    ------
    SettingsError
        When the file is missing, is not UTF-8, is not YAML, repeats a key or is not a mapping.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SettingsError(source, [Problem("", "a file", f"create {source}")]) from None
    except UnicodeDecodeError as error:
        problem = Problem("", "UTF-8 text", f"save it as UTF-8 ({error.reason} at byte {error.start})", "other bytes")
        raise SettingsError(source, [problem]) from None
    return parse_yaml(text, source)


def parse_yaml(text: str, source: str) -> dict[str, Any]:
    """Parse a YAML mapping from text; see `read_yaml`."""
    try:
        data = yaml.load(text, Loader=_UniqueKeyLoader)  # noqa: S506 - a SafeLoader underneath
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise SettingsError(
            source, [Problem(where, "YAML", "correct that line", error.problem or str(error))]
        ) from None
    except yaml.YAMLError as error:
        raise SettingsError(source, [Problem("", "YAML", "correct the file", str(error))]) from None
    if not isinstance(data, dict):
        found = MISSING if data is None else data
        raise SettingsError(source, [Problem("", "a mapping of keys to values", "write 'key: value' lines", found)])
    return data
