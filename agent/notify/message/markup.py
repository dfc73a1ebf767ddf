"""The texts of templates as plain text, Markdown and HTML.

Templates write them as one writes a mail: the first line is the title, an empty line ends a
paragraph, `- ` begins a bullet, `1. ` a step, and `| a | b |` is a row of a table. Nothing else
means anything, and what a template shows of a server or a mailbox can mean none of these, since
it is one line without `|`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

Kind = Literal["paragraph", "bullets", "steps", "table"]

WIDEST = 64  # characters to which a column of a table is filled up; longer ones stick out
_MARKS: dict[Kind, re.Pattern[str]] = {
    "bullets": re.compile(r"- (?=\S)"),
    "steps": re.compile(r"\d+\. (?=\S)"),
    "table": re.compile(r"\| "),
}
# A line that begins so would begin a list, a heading or a ruler in Markdown.
_BEGINS = re.compile(r"(?:(?<=^\d)|(?<=^\d\d)|(?<=^\d\d\d)|^)([-+=.)])(?=\s|[-=]|$)")


@dataclass(frozen=True, slots=True)
class Block:
    """Lines that belong together; of a table the cells of each row."""

    kind: Kind
    lines: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    attached: bool = False  # to the block before, without an empty line between


def parse(source: str) -> tuple[str, tuple[Block, ...]]:
    """The title and the blocks of what a template yielded."""
    title, _, body = source.strip().partition("\n")
    chunks = re.split(r"\n\s*\n", body.strip())
    return " ".join(title.split()), tuple(block for chunk in chunks for block in _blocks(chunk))


def text(blocks: tuple[Block, ...]) -> str:
    """Plain text; the columns of a table stand below each other."""
    return _joined(blocks, _text)


def markdown(blocks: tuple[Block, ...]) -> str:
    """Markdown as most chats know it: few of them have tables, all have code blocks."""
    return _joined(blocks, _markdown)


def without_least(blocks: tuple[Block, ...]) -> tuple[Block, ...]:
    """The blocks without the last but one; of two, the first loses its last line instead.

    The same again when nothing can go: the first line says what matters most, and by the last
    block a repetition is recognised.
    """
    first, *_, last = blocks
    end = len(blocks) - 2
    while end > 1 and blocks[end].attached:
        end -= 1
    if end > 0:
        return (*blocks[:end], last)
    if len(blocks) > 1 and len(first.lines) > 1:
        return (replace(first, lines=first.lines[:-1]), last)
    return blocks


def _blocks(chunk: str) -> list[Block]:
    lines = [line.strip() for line in chunk.splitlines() if line.strip()]
    return [
        _block(kind, list(group), attached=ordinal > 0)
        for ordinal, (kind, group) in enumerate(groupby(lines, _kind))
    ]


def _kind(line: str) -> Kind:
    return next((kind for kind, mark in _MARKS.items() if mark.match(line)), "paragraph")


def _block(kind: Kind, lines: list[str], *, attached: bool) -> Block:
    match kind:
        case "paragraph":
            return Block(kind, tuple(lines), attached=attached)
        case "bullets" | "steps":
            bare = tuple(_MARKS[kind].sub("", line, count=1) for line in lines)
            return Block(kind, bare, attached=attached)
        case "table":
            rows = tuple(tuple(map(str.strip, line.strip("|").split("|"))) for line in lines)
            return Block(kind, rows=rows, attached=attached)


def _joined(blocks: tuple[Block, ...], write: Callable[[Block], str]) -> str:
    written = (("\n" if block.attached else "\n\n") + write(block) for block in blocks)
    return "".join(written).strip("\n")


def _text(block: Block) -> str:
    match block.kind:
        case "paragraph":
            return "\n".join(block.lines)
        case "bullets":
            return "\n".join(f"- {line}" for line in block.lines)
        case "steps":
            return "\n".join(f"{number}. {line}" for number, line in enumerate(block.lines, 1))
        case "table":
            return "\n".join(_aligned(block.rows))


def _markdown(block: Block) -> str:
    match block.kind:
        case "paragraph":
            return "  \n".join(_BEGINS.sub(r"\\\1", line) for line in block.lines)
        case "bullets" | "steps":
            safe = tuple(_BEGINS.sub(r"\\\1", line) for line in block.lines)
            return _text(Block(block.kind, safe))
        case "table":
            return f"```\n{_text(block)}\n```"


def _aligned(rows: tuple[tuple[str, ...], ...]) -> list[str]:
    columns = max(map(len, rows))
    filled = [row + ("",) * (columns - len(row)) for row in rows]
    widths = [min(max(map(len, column)), WIDEST) for column in zip(*filled, strict=True)]
    return ["  ".join(map(_fill, row, widths)).rstrip() for row in filled]


def _fill(cell: str, width: int) -> str:
    return cell.rjust(width) if cell.endswith("%") else cell.ljust(width)
