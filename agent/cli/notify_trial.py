"""Test messages: to whom, what they say, and what came of each."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from html import escape
from typing import TYPE_CHECKING

from agent.cli.terminal import LONGEST_LINE, CommandError
from agent.config.alertmanager import AlertmanagerReceiver
from agent.config.errors import nearest, shown
from agent.config.receivers import AppriseReceiver, OwnerReceiver
from agent.figures import moment
from agent.notify.alertmanager import AlertmanagerSink
from agent.notify.apprise import AppriseSink
from agent.notify.message import Message
from agent.notify.routing import targets_of
from agent.notify.verdict import Rejected, Retry, Sent
from agent.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from agent.config.accounts import Account
    from agent.config.receivers import Receiver
    from agent.config.settings import Settings
    from agent.notify.apprise import Target
    from agent.notify.verdict import Verdict

    Send = Callable[[float], Verdict]

_FULL = 1.0  # a usage ratio at which every address of an owner is told


@dataclass(frozen=True, slots=True)
class Trial:
    """One target to be tested; `send` takes the seconds that it may take.

    Where it cannot be tested, `send` is the reason, and `target` is empty.
    """

    receiver: str
    target: str
    send: Send | str


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a test, as one printable line."""

    line: str
    accepted: bool


def choose(settings: Settings, names: Sequence[str]) -> list[Receiver]:
    """The receivers with these names, in the configuration's order; all of them without any.

    Raises:
        CommandError: a name that no receiver has.
    """
    known = {receiver.name for receiver in settings.receivers}
    for name in names:
        if name not in known:
            meant = nearest(name, known)
            raise CommandError(f"no receiver {shown(name)} in the configuration{meant}")
    return [each for each in settings.receivers if not names or each.name in names]


def trials(receivers: Sequence[Receiver], account: Account | None) -> list[Trial]:
    """Every target of the receivers; those that tell owners tell the owner of `account`."""
    return [trial for receiver in receivers for trial in _of_receiver(receiver, account)]


def results(trials: Sequence[Trial], seconds: float) -> Iterator[Result]:
    """Test all at once, each for at most about `seconds`; yields what came of them as it comes."""
    sending = {}
    pool = ThreadPoolExecutor(max_workers=max(len(trials), 1), thread_name_prefix="notify-test")
    try:
        for trial in trials:
            if isinstance(trial.send, str):
                yield _result(trial, f"not tested: {trial.send}")
            else:
                sending[pool.submit(trial.send, seconds)] = trial
        for done in as_completed(sending):
            yield _judged(sending[done], done.result())
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # Ctrl-C waits for nobody


def _of_receiver(receiver: Receiver, account: Account | None) -> list[Trial]:
    name = receiver.name
    match receiver:
        case AppriseReceiver():
            fixed = enumerate(receiver.targets())
            return [Trial(name, str(ordinal), _apprise(name, each)) for ordinal, each in fixed]
        case OwnerReceiver():
            return _of_owner(receiver, account)
        case AlertmanagerReceiver():
            # No alert at all: it says whether the address and the login are right.
            peers = enumerate(receiver.urls)
            return [Trial(name, str(n), _alertmanager(receiver, url)) for n, url in peers]


def _of_owner(receiver: OwnerReceiver, account: Account | None) -> list[Trial]:
    name = receiver.name
    if account is None:
        return [Trial(name, "", "it tells owners; give --account NAME to tell one of them")]
    addresses = targets_of(receiver, account, _FULL)
    if not addresses:
        return [Trial(name, "", f"no address of the owner of {account.name} is known")]
    return [Trial(name, each, _apprise(name, receiver.mail_to(each))) for each in addresses]


def _apprise(receiver: str, target: Target) -> Send:
    return partial(_send, AppriseSink(target), _message(receiver))


def _alertmanager(receiver: AlertmanagerReceiver, url: str) -> Send:
    return partial(AlertmanagerSink(receiver, url).post, [])


def _send(sink: AppriseSink, message: Message, seconds: float) -> Verdict:
    return sink.send(lambda _: message, seconds, late=lambda: None)


def _message(receiver: str) -> Message:
    now = moment(datetime.now(UTC))
    text = (
        f'This is a test of the receiver "{printable(receiver)}", sent by hand at {now}. '
        "It is no alert: there is nothing that you need to do."
    )
    return Message("Test from mailbox-agent", text, text, f"<p>{escape(text)}</p>", "info")


def _judged(trial: Trial, verdict: Verdict) -> Result:
    match verdict:
        case Sent():
            return _result(trial, "accepted", accepted=True)
        case Retry(error, after):
            wait = f"; asks to be left alone for {after:g} s" if after else ""
            return _result(trial, f"not accepted: {error}{wait}")
        case Rejected(error):
            return _result(trial, f"refused: {error}")


def _result(trial: Trial, came: str, *, accepted: bool = False) -> Result:
    where = f"{trial.receiver}/{trial.target}" if trial.target else trial.receiver
    return Result(printable(f"{where}: {came}", LONGEST_LINE), accepted)
