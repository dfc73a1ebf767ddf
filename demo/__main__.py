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
    # A shell that starts it in the background has it ignore SIGINT; nohup, and rightly, SIGHUP.
    for number in STOPS:
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)
    try:
        return _run(seconds)
    except KeyboardInterrupt:
        return 0
    except ServerMissingError as missing:
        sys.stderr.write(f"{missing}\n{TRY_INSTEAD}\n")
    except AgentEndedError as ended:
        sys.stderr.write(f"{ended}\n")
    return 1


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _run(seconds: float | None) -> int:
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mailbox-agent-demo-")))
        server = stack.enter_context(Dovecot())
        sink = stack.enter_context(Sink())
        stories = {role.name: role.story(furnish(server, role)) for role in ROLES}
        agent = stack.enter_context(Agent(place, server, ROLES, sink.url))
        view = stack.enter_context(View(ROLES, agent.url))
        seen = _play(stories, agent, sink, view, seconds)
        for number in STOPS:  # a second Ctrl-C must not stop the tidying
            signal.signal(number, signal.SIG_IGN)
    _sum_up(seen, view)
    # Who pressed Ctrl-C may have done so before everything was told.
    return int(seconds is not None and not all(seen.values()))


def _play(
    stories: dict[str, Iterator[str]], agent: Agent, sink: Sink, view: View, seconds: float | None
) -> dict[Kind, int]:
    """Move every story on once a second; show what happens, what is told, and the mailboxes."""
    seen = dict.fromkeys(Kind, 0)
    begun = next_second = time.monotonic()
    try:
        while seconds is None or time.monotonic() < begun + seconds:
            agent.check()
            for name, story in stories.items():
                if event := next(story):
                    view.happened(name, event)
            view.show(agent.states())
            next_second += 1
            _listen(sink, view, seen, until=next_second)
    except KeyboardInterrupt:
        pass
    return seen


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
