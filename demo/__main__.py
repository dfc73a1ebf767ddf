"""Run the demo: `python -m demo [--seconds N]`; exit 1 if then a kind of notice is missing."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from queue import Empty
from typing import TYPE_CHECKING

from demo.agent import Agent, AgentEndedError
from demo.mailboxes import ROLES, furnish
from demo.sink import Kind, Sink
from demo.view import View
from tests.support.dovecot import Dovecot
from tests.support.dovecot_server import ServerMissingError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
TRY_INSTEAD = """\
Look at a real mailbox instead; nothing in it is changed:
  .venv/bin/mailbox-agent check imaps://anna%40example.com@mail.example.com"""


def main() -> int:
    """Run until Ctrl-C, SIGTERM, a hang-up, or the given number of seconds."""
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("--seconds", type=float, help="end by itself (default: run until Ctrl-C)")
    seconds = parser.parse_args().seconds
    stop = Stop()
    # A shell that starts it in the background has it ignore SIGINT; nohup, and rightly, SIGHUP.
    for number in STOPS:
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, stop.ask)
    try:
        return _run(stop, seconds)
    except ServerMissingError as missing:
        sys.stderr.write(f"{missing}\n{TRY_INSTEAD}\n")
    except AgentEndedError as ended:
        sys.stderr.write(f"{ended}\n")
    return 1


class Stop:
    """Whether somebody wants it to end: looked at once a second, so that nothing is cut short.

    An exception out of the signal's handler could end in the middle of a delivery, whose library
    then raises one of its own.
    """

    asked = False

    def ask(self, _signal: int, _frame: FrameType | None) -> None:
        """Handle a signal; a second one changes nothing, and so cannot stop the tidying."""
        self.asked = True


def _run(stop: Stop, seconds: float | None) -> int:
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mailbox-agent-demo-")))
        server = stack.enter_context(Dovecot())
        sink = stack.enter_context(Sink())
        stories = {role.name: role.story(furnish(server, role)) for role in ROLES}
        agent = stack.enter_context(Agent(place, server, ROLES, sink.url))
        view = stack.enter_context(View(ROLES, agent.url))
        seen = dict.fromkeys(Kind, 0)
        for second in _seconds(stop, seconds):
            _play(stories, agent, view)
            _listen(sink, view, seen, until=second)
    _sum_up(seen, view)
    # Who pressed Ctrl-C may have done so before everything was told.
    return int(seconds is not None and not all(seen.values()))


def _seconds(stop: Stop, seconds: float | None) -> Iterator[float]:
    """Yield the end of each second, by `time.monotonic`, until there was enough of them."""
    begun = next_second = time.monotonic()
    while not stop.asked and (seconds is None or time.monotonic() < begun + seconds):
        next_second += 1
        yield next_second


def _play(stories: dict[str, Iterator[str]], agent: Agent, view: View) -> None:
    """Move every story on by a second, and show what happens and how the mailboxes are."""
    agent.check()
    for name, story in stories.items():
        if event := next(story):
            view.happened(name, event)
    view.show(agent.states())


def _listen(sink: Sink, view: View, seen: dict[Kind, int], until: float) -> None:
    """Show each notification at the moment it arrives, until the next second begins."""
    while (rest := until - time.monotonic()) > 0:
        try:
            notice = sink.notices.get(timeout=rest)
        except Empty:
            return
        seen[notice.kind] += 1
        view.told(notice)


def _sum_up(seen: dict[Kind, int], view: View) -> None:
    counts = ", ".join(f"{kind} {count}" for kind, count in seen.items())
    view.say(f"What ops was told: {counts}. Nothing is left running.")


if __name__ == "__main__":
    sys.exit(main())
