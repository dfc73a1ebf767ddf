"""A look at a mail server without a login: does it answer, is it trusted, what does it offer."""

from __future__ import annotations

import imaplib
from typing import TYPE_CHECKING, Literal

from agent.probe import imap_client, pop3_client
from agent.probe.allow import Gate
from agent.probe.deadline import Deadline
from agent.probe.failures import ProbeError, failure_of
from agent.probe.wire import Wire

if TYPE_CHECKING:
    from pathlib import Path

    from agent.config.endpoint import Endpoint
    from agent.model import Failure
    from agent.probe.trail import Trail


def look(
    protocol: Literal["imap", "pop3"],
    server: Endpoint,
    tls: Literal["implicit", "starttls"],
    seconds: float,
    ca_file: Path | None = None,
) -> tuple[Trail, Failure | None]:
    """How far a session comes up to the login, and why it ends before; never raises.

    No credential can be sent: the gate lets no command pass that carries one.
    """
    wire = Wire(server, Deadline(seconds), Gate.without_login(protocol))
    try:
        wire.connect()
        if tls == "implicit":
            wire.start_tls(ca_file)
        _converse(protocol, tls, wire, ca_file)
    except (ProbeError, OSError, imaplib.IMAP4.error) as error:
        quiet = tls == "starttls" and not wire.is_secure
        return wire.trail, failure_of(error, wire.stage, quiet=quiet)
    finally:
        wire.close()
    return wire.trail, None


def _converse(
    protocol: Literal["imap", "pop3"],
    tls: Literal["implicit", "starttls"],
    wire: Wire,
    ca_file: Path | None,
) -> None:
    client = imap_client.Client(wire) if protocol == "imap" else pop3_client.Client(wire)
    if tls == "starttls":
        wire.stage = "STARTTLS"
        client.upgrade(ca_file)
    if isinstance(client, pop3_client.Client):
        client.learn_capabilities()  # IMAP servers were asked after the greeting
    client.leave()
