"""The exposition formats' letters: label values and metadata lines.

Sources: Prometheus text format 0.0.4 and OpenMetrics 1.0, which differ for us only in the
name that a counter's metadata carries and in the `# EOF` at the end.
"""

from __future__ import annotations

import re

EOF = b"# EOF\n"
_UNSAYABLE = re.compile("[\x00\ud800-\udfff]")
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


def encodable(value: str) -> str:
    """The value, with U+FFFD for what would cost the whole page.

    A lone surrogate has no UTF-8 form, and Prometheus' lexer ends at a NUL.
    """
    return _UNSAYABLE.sub("\ufffd", value)


def label(name: str, value: str) -> str:
    """One `name="value"` pair, escaped."""
    return f'{name}="{encodable(value).translate(_ESCAPES)}"'


def metadata(name: str, kind: str, explanation: str, *, openmetrics: bool) -> bytes:
    """The HELP and TYPE lines of one family; OpenMetrics names a counter without `_total`."""
    if openmetrics and kind == "counter":
        name = name.removesuffix("_total")
    return f"# HELP {name} {explanation}\n# TYPE {name} {kind}\n".encode()
