"""Looks for the servers of an address, and says on stdout which there are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from rich.text import Text

from agent.cli import screen
from agent.cli.terminal import CommandError, show
from agent.config.endpoint import parse_endpoint
from agent.config.texts import is_address
from agent.discover import providers
from agent.discover.dns import Dns
from agent.discover.search import Search
from agent.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from agent.discover.search import Candidate

VERSION = 1
_TLS = {"implicit": "from the start", "starttls": "STARTTLS"}
_SCHEMES = {("imap", "implicit"): "imaps", ("pop3", "implicit"): "pop3s"}


def look_up(address: str, seconds: float, ca_file: Path | None) -> list[Candidate]:
    """The servers of an address, the best first.

    Raises:
        CommandError: it is no address.
    """
    local, _, domain = address.rpartition("@")
    try:
        address = f"{local}@{parse_endpoint(domain, 1).host}"
    except ValueError:
        address = ""
    if not is_address(address):
        raise CommandError("ADDRESS: needs an address such as anna@example.com")
    return Search(Dns(seconds), seconds, ca_file=ca_file).candidates(address)


def url_of(candidate: Candidate, address: str) -> str:
    """What `check` takes for the mailbox there."""
    found = candidate.found
    scheme = _SCHEMES.get((found.protocol, found.tls), found.protocol)
    return f"{scheme}://{quote(found.username or address, safe='')}@{found.server}"


def logins(offered: Iterable[str]) -> list[str]:
    """The ways of logging in that capabilities announce, by their SASL names; LOGIN is IMAP's own.

    RFC 9051, section 6.2.3; for POP3 RFC 5034 and RFC 2449, section 6.3.
    """
    words = set(offered)
    found = {word.removeprefix("AUTH=") for word in words if word.startswith("AUTH=")}
    for word in words:
        if word.startswith("SASL "):
            found.update(word.split()[1:])
    if "USER" in words or ("IMAP4REV1" in words and "LOGINDISABLED" not in words):
        found.add("USER/PASS" if "USER" in words else "LOGIN")
    return sorted(found)


def write(address: str, found: Sequence[Candidate], *, as_json: bool) -> None:
    """The document, or a table with the command to try next."""
    if as_json:
        show(json.dumps(_document(address, found), indent=2))
        return
    show(_text(address, found))


def _document(address: str, found: Sequence[Candidate]) -> dict[str, Any]:
    return {
        "version": VERSION,
        "address": address,
        "servers": [
            {
                "protocol": each.found.protocol,
                "server": str(each.found.server),
                "tls": each.found.tls,
                "username": each.found.username,
                "found_by": each.found.source.name.lower(),
                "answers": each.failure is None,
                "failure": {"reason": each.failure.kind.value, "detail": each.failure.detail}
                if each.failure
                else None,
                "logins": logins(each.trail.offered),
                "check": url_of(each, address),
            }
            for each in found
        ],
    }


def _text(address: str, found: Sequence[Candidate]) -> str:
    answering = [each for each in found if not each.failure]
    named = [each for each in found if each.failure and each.found.source.name != "GUESS"]
    if not answering and not named:
        return f"No mail server is known for {printable(address)}: ask whoever runs its mail."
    paper = screen.stdout()
    table = paper.table()
    for title in ("Protocol", "Server", "TLS", "Found by", "Logins"):
        table.add_column(title, overflow="fold")
    for each in (*answering, *named):
        said = ", ".join(logins(each.trail.offered)) or "-"
        if each.failure:
            said = f"{each.failure.kind}: {each.failure.detail}"
        of = each.found
        cells = of.protocol.upper(), str(of.server), _TLS[of.tls], of.source.value, said
        table.add_row(*(Text(printable(cell)) for cell in cells))
    return paper.draw(table, [Text(line) for line in _next(address, answering)])


def _next(address: str, answering: Sequence[Candidate]) -> list[str]:
    if not answering:
        return ["None of them answers."]
    lines = [f'Next: mailbox-agent doctor "{printable(url_of(answering[0], address))}"']
    provider = providers.of_host(answering[0].found.server.host)
    if provider and provider.login != "password":
        lines.append(f"{provider.name}: {provider.advice}.")
    return lines
