"""A name server on the loopback that knows what a test tells it, and of all else that it is not."""

from __future__ import annotations

import socketserver
from threading import Thread
from typing import TYPE_CHECKING, Self

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Records = Mapping[tuple[str, str], Sequence[str]]  # by name and type


class NameServer:
    """Answers UDP questions while its `with` block lasts."""

    def __init__(self, records: Records) -> None:
        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                data, socket = self.request
                query = dns.message.from_wire(data)
                (question,) = query.question
                name, kind = question.name.to_text(omit_final_dot=True), question.rdtype.name
                socket.sendto(
                    _answer(query, records.get((name, kind))).to_wire(), self.client_address
                )

        self._server = socketserver.UDPServer(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _answer(query: dns.message.Message, records: Sequence[str] | None) -> dns.message.Message:
    answer = dns.message.make_response(query)
    answer.flags |= dns.flags.RA
    (question,) = query.question
    if records is None:
        answer.set_rcode(dns.rcode.NXDOMAIN)
    else:
        kind = question.rdtype.name
        answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *records))
    return answer
