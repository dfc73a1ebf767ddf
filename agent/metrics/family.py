"""One metric: its name, type, meaning and labels, and how its samples become lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

from agent.metrics.text import label, metadata

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Facts = TypeVar("Facts")
Sample = tuple[tuple[str, ...], float]  # label values in the family's order, and the value


@dataclass(frozen=True, slots=True)
class Family(Generic[Facts]):
    """One metric; `samples` draws its values from the facts of one mailbox or server."""

    name: str
    explanation: str
    labels: tuple[str, ...]
    samples: Callable[[Facts], Iterable[Sample]]
    kind: Literal["gauge", "counter"] = "gauge"

    def fragment(self, facts: Facts, *lead: str) -> bytes:
        """The sample lines, `lead` being finished label pairs; one line per set of labels."""
        lines = {}
        for values, value in self.samples(facts):
            pairs = ",".join([*lead, *map(label, self.labels, values)])
            lines[pairs] = f"{self.name}{{{pairs}}} {value}\n"
        return "".join(lines.values()).encode()

    def header(self, *, openmetrics: bool) -> bytes:
        """The family's HELP and TYPE lines."""
        return metadata(self.name, self.kind, self.explanation, openmetrics=openmetrics)
