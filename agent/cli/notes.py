"""The lines below the table of `status`: what is wrong, since when, and what to do next."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from agent.figures import moment
from agent.standing import State

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from agent.config.accounts import Account
    from agent.memory import Refusal
    from agent.model import Alert, Failure
    from agent.standing import Pause, Standing, Survey


def notes(survey: Survey) -> Iterator[str]:
    """A line for each trouble and each alert of a mailbox, then for what concerns several."""
    for one in survey.standings:
        for line in _of_mailbox(one):
            yield f"{one.account.name}: {line}"
    for pause in survey.pauses:
        yield paused(pause, survey.at)
    if stale := sum(one.state is State.STALE for one in survey.standings):
        yield (
            f"{stale} of {len(survey.standings)} stale: no poll for longer than figures hold. "
            "Next: see whether the agent runs: mailbox-agent healthcheck."
        )


def rejected(refusal: Refusal) -> str:
    """How often a login was rejected, and when last."""
    times = "once" if refusal.times == 1 else f"{refusal.times} times, last"
    return f"login rejected {times} at {moment(refusal.at)}"


def paused(pause: Pause, now: datetime) -> str:
    """Until when nobody logs in at a server, and why."""
    others = f"until {moment(pause.others_until)} for mailboxes not read since the agent started"
    span = f"until {moment(pause.until)} ({others})" if now < pause.until else others
    names = " and ".join(pause.accounts)
    return (
        f"{pause.server}: paused {span}, since the logins of {names} were rejected, and servers "
        f"ban addresses for that. Next: correct them, then {reset(*pause.accounts)}."
    )


def reset(*names: str) -> str:
    """The command that lets rejected logins be tried again."""
    return f"mailbox-agent reset {shlex.join(names)}"


def _of_mailbox(one: Standing) -> Iterator[str]:
    if one.refusal:
        yield _quarantined(one.account, one.refusal, one.known.failure)
    elif one.known.failure:
        yield _failing(one, one.known.failure)
    yield from map(_firing, one.known.alerts)


def _quarantined(account: Account, refusal: Refusal, failure: Failure | None) -> str:
    said = f": {failure.detail.rstrip('.')}" if failure else ""
    retry_at = refusal.retry_at
    again = f"once more at {moment(retry_at)}, or" if retry_at else "again only"
    return (
        f"{rejected(refusal)}{said}; tried {again} when it changes. "
        f"Next: {account.remedy}; to try it as it is: {reset(account.name)}."
    )


def _failing(one: Standing, failure: Failure) -> str:
    seen = one.known.succeeded_at
    last = f"last success {moment(seen)}" if seen else "no success yet"
    step = f"Next: mailbox-agent check {shlex.quote(one.account.name)}."
    if one.is_lifted:
        step = "Reset: tried again at its next poll."
    return f"{failure.kind}: {failure.detail.rstrip('.')}; {last}. {step}"


def _firing(alert: Alert) -> str:
    about = f" of {alert.key.resource}" if alert.key.resource else ""
    root = f" in {alert.key.root}" if alert.key.root else ""
    return f"{alert.severity} since {moment(alert.since)}: {alert.key.rule}{about}{root}"
