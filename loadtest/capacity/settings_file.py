"""Values in an environment's settings.yaml: read, and changed without touching comments or anything else.

Works on the text by the positions that the YAML parser reports. The result is parsed again before it is written: it
must differ from the original in the wanted values and in nothing more.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from loadtest.errors import LoadUsageError
from loadtest.files import write_text

Key = tuple[str, ...]


def load(path: Path) -> dict[str, Any]:
    """Read a settings file as plain data; whether it is valid is for `make synth` to say."""
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise LoadUsageError("settings", str(path), f"name a file that can be read ({error.strerror})") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise LoadUsageError("settings", str(path), f"correct the YAML ({str(error).splitlines()[0]})") from None
    if not isinstance(document, dict):
        raise LoadUsageError("settings", str(path), "write keys and values")
    return document


def value_at(document: Mapping[str, Any], key: Key) -> Any:
    """Return the value at a path of keys, None where there is none."""
    current: Any = document
    for part in key:
        if not isinstance(current, Mapping) or part not in current:
            return None
        current = current[part]
    return current


def edited(text: str, changes: Mapping[Key, int]) -> str:
    """Return the text with whole numbers set at paths of keys.

    The mapping that holds a key must exist; a missing key is added to it as the last one.

    Raises
    ------
    LoadUsageError
        A path cannot be set, or setting it would change something else too (an alias, for instance).
    """
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    edits = [_edit(text, root, key, value) for key, value in changes.items()]
    changed = text
    for start, end, new in sorted(edits, reverse=True):
        changed = changed[:start] + new + changed[end:]
    wanted = yaml.safe_load(text)
    for key, value in changes.items():
        holder: Any = wanted
        for part in key[:-1]:
            holder = holder[part]
        holder[key[-1]] = value
    try:
        same = yaml.safe_load(changed) == wanted and _shared(text) == 0
    except yaml.YAMLError:
        same = False
    if not same:
        raise LoadUsageError(
            "settings",
            ", ".join(".".join(key) for key in changes),
            "change these by hand: the file is written unusually",
        )
    return changed


def write(path: Path, changes: Mapping[Key, int]) -> None:
    """Change values in a file, all of them or none."""
    write_text(path, edited(path.read_bytes().decode("utf-8"), changes), mode=path.stat().st_mode & 0o7777)


def _shared(text: str) -> int:
    """Count aliases: behind one, a change in one place shows in another."""
    return sum(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=yaml.SafeLoader))


def _edit(text: str, root: yaml.Node | None, key: Key, value: int) -> tuple[int, int, str]:
    """Return the edit (start, end, new text) that sets one value."""
    holder = root
    for depth, part in enumerate(key):
        if not isinstance(holder, yaml.MappingNode):
            raise _unusual(key)
        found = next((node for name, node in holder.value if name.value == part), None)
        if found is None and depth == len(key) - 1:
            return _addition(text, holder, key, value)
        holder = found
    if not isinstance(holder, yaml.ScalarNode):
        raise _unusual(key)
    return holder.start_mark.index, holder.end_mark.index, str(value)


def _addition(text: str, holder: yaml.MappingNode, key: Key, value: int) -> tuple[int, int, str]:
    if not holder.value:
        raise _unusual(key)
    name = key[-1]
    last_name, last = holder.value[-1]
    if holder.flow_style:
        return last.end_mark.index, last.end_mark.index, f", {name}: {value}"
    if not isinstance(last, yaml.ScalarNode) and not last.flow_style:
        raise _unusual(key)
    line = text.find("\n", last.end_mark.index)
    end = len(text) if line < 0 else line
    return end, end, f"\n{' ' * last_name.start_mark.column}{name}: {value}"


def _unusual(key: Key) -> LoadUsageError:
    return LoadUsageError("settings", ".".join(key), "write this setting once by hand, so that it can be updated")
