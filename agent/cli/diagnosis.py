"""What one poll shows when each of its steps is looked at: what works, and what to do next."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from agent.cli.diagnosed import figures, measured, not_measured
from agent.cli.discovered import logins
from agent.cli.hints import next_step, problem
from agent.model import Failure, Reading
from agent.text import printable, printable_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.config.accounts import Account
    from agent.model import Poll
    from agent.probe.trail import Handshake, Stage, Trail

_CODE = re.compile(rb"\[CAPABILITY [^\]]*\] *", re.IGNORECASE)  # told below, where it matters
MOST_NAMES = 3  # of a certificate that are told

_TITLES: dict[Stage, str] = {
    "name resolution": "Name resolution",
    "connect": "Connection",
    "TLS handshake": "TLS",
    "greeting": "Greeting",
    "STARTTLS": "STARTTLS",
    "login": "Login",
    "reading": "Reading",
}


class State(StrEnum):
    """How a step ended; a note is neither good nor bad by itself."""

    OK = "ok"
    NOTE = "note"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Step:
    """One step, in words; `seconds` where it took any of its own."""

    title: str
    state: State
    detail: str
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One mailbox: every step, up to the one that failed if one did, and what to do next."""

    account: Account
    steps: tuple[Step, ...]
    next_step: str | None
    measured: tuple[str, ...] = ()
    not_measured: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether the mailbox could not be read."""
        return any(step.state is State.FAILED for step in self.steps)


def diagnose(account: Account, poll: Poll, trail: Trail) -> Diagnosis:
    """What a poll and the trail that its session left say."""
    steps = tuple(_steps(account, poll, trail))
    match poll.outcome:
        case Failure() as failure:
            return Diagnosis(
                account,
                steps,
                next_step(account, failure),
                capabilities=tuple(sorted(trail.announced)),
            )
        case Reading() as reading:
            advice = problem(account, reading)
            return Diagnosis(
                account,
                steps,
                advice.partition("Next: ")[2].removesuffix(".") if advice else None,
                tuple(measured(reading)),
                tuple(not_measured(account, reading)),
                tuple(sorted(trail.announced)),
            )


def _steps(account: Account, poll: Poll, trail: Trail) -> Iterator[Step]:
    failed = isinstance(poll.outcome, Failure)
    took = _durations(poll, trail)
    # What is interrupted by the handshake that it leads to is told once.
    stages = list(dict.fromkeys(stage for stage, _ in trail.steps))
    broken = trail.steps[-1][0] if failed and trail.steps else None
    if failed and not stages:
        yield _failed("Secret", poll)
    for stage in stages:
        if stage == "login":
            yield from _offers(account, trail)
        if stage == "reading" and not failed:
            yield from _read(account, poll, trail)
        elif stage in _TITLES and stage != broken:
            yield Step(_TITLES[stage], State.OK, _said(stage, account, trail), took[stage])
    if broken:
        yield _failed(_TITLES[broken], poll)


def _durations(poll: Poll, trail: Trail) -> dict[Stage, float]:
    """Seconds in each stage, all its parts together."""
    if not trail.steps:
        return {}
    times = [at for _, at in trail.steps]
    ends = [*times[1:], times[0] + poll.duration]
    took: dict[Stage, float] = {}
    for (stage, began), ended in zip(trail.steps, ends, strict=True):
        took[stage] = took.get(stage, 0.0) + max(ended - began, 0.0)
    return took


def _said(stage: Stage, account: Account, trail: Trail) -> str:
    match stage:
        case "name resolution":
            return ", ".join(trail.addresses)
        case "connect":
            return f"{trail.address} port {account.server.port}"
        case "TLS handshake":
            return _protected(trail.handshake) if trail.handshake else ""
        case "greeting":
            return printable_bytes(_CODE.sub(b"", trail.greeting.strip()))
        case "login":
            return printable(account.username)
        case _:
            return ""


def _protected(handshake: Handshake) -> str:
    certificate = handshake.certificate
    more = ", …" if len(certificate.names) > MOST_NAMES else ""
    names = ", ".join(certificate.names[:MOST_NAMES]) + more
    return printable(
        f"{handshake.version}; certificate for {names}, by {certificate.issuer}, "
        f"valid until {certificate.expires:%Y-%m-%d}"
    )


def _offers(account: Account, trail: Trail) -> Iterator[Step]:
    if account.tls == "none":
        yield Step("TLS", State.NOTE, "none: the password crosses the network in the clear")
    if trail.offered:
        ways = ", ".join(logins(trail.offered)) or "none by password"
        yield Step("Login methods", State.OK, printable(ways))


def _failed(title: str, poll: Poll) -> Step:
    failure = poll.outcome
    detail = f"{failure.kind}: {failure.detail}" if isinstance(failure, Failure) else ""
    return Step(title, State.FAILED, detail)


def _read(account: Account, poll: Poll, trail: Trail) -> Iterator[Step]:
    """What came of the login: figures, each with how well it is known."""
    if isinstance(poll.outcome, Reading):
        for title, known, detail in figures(account, poll, poll.outcome, trail.announced):
            yield Step(title, State.OK if known else State.NOTE, printable(detail, 500))
