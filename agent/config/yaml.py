"""YAML, read so strictly that nothing in a file is passed over in silence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from yaml import MarkedYAMLError, SafeLoader, YAMLError
from yaml.constructor import ConstructorError

if TYPE_CHECKING:
    from collections.abc import Hashable

    from yaml import MappingNode

TWICE = "this key is there twice"


def parse(text: bytes) -> object:
    """The document. Raises ValueError with place and problem in one line, and no value."""
    try:
        return _Strict(text).get_single_data()
    except MarkedYAMLError as error:
        problem = error.problem if error.problem == TWICE else "not valid YAML"
        mark = error.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise ValueError(f"{place}{problem}") from None
    except (YAMLError, ValueError, RecursionError):  # not text, or a number or date that is none
        raise ValueError("not valid YAML") from None


class _Strict(SafeLoader):
    """The plain types only, and no key that silently overrides one before it."""

    def construct_mapping(self, node: MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002 - the library's signature
        seen: set[tuple[str, object]] = set()
        for key, _ in node.value:
            if (name := (key.tag, str(key.value))) in seen:
                raise ConstructorError(None, None, TWICE, key.start_mark)
            seen.add(name)
        return super().construct_mapping(node, deep)
