"""Thunderbird's autoconfiguration: the servers that a domain names for mail programs.

https://benbucksch.github.io/autoconfig-spec/draft-autoconfig-1.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.config.endpoint import Endpoint, parse_endpoint
from agent.config.texts import is_name
from agent.discover.found import Found, Source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Literal
    from xml.etree.ElementTree import Element

LARGEST = 64 * 1024  # bytes; real ones have two or three thousand
MOST_REDIRECTS = 3
_PROTOCOLS: dict[str, Literal["imap", "pop3"]] = {"imap": "imap", "pop3": "pop3"}
_TLS: dict[str, Literal["implicit", "starttls"]] = {"SSL": "implicit", "STARTTLS": "starttls"}


class AutoconfigError(Exception):
    """There is no usable answer; the text is one line that says why."""


def fetch(url: str, seconds: float, ca_file: str | None = None) -> bytes:
    """The document at an address, over verified TLS only.

    Raises:
        AutoconfigError: there is none, it is not HTTPS to the end, or it is too large.
    """
    import requests  # noqa: PLC0415 - heavy, and needed by this one command only

    try:
        with requests.Session() as session:
            session.max_redirects = MOST_REDIRECTS
            session.trust_env = False  # no password of a .netrc leaves
            with session.get(url, timeout=seconds, stream=True, verify=ca_file or True) as answer:
                answer.raise_for_status()
                if not all(each.url.startswith("https://") for each in (*answer.history, answer)):
                    raise AutoconfigError("led away from HTTPS")
                content: bytes = answer.raw.read(LARGEST + 1, decode_content=True)
    except (requests.RequestException, OSError) as error:
        raise AutoconfigError(type(error).__name__) from error
    if len(content) > LARGEST:
        raise AutoconfigError(f"more than {LARGEST} bytes")
    return content


def servers(document: bytes, address: str, source: Source) -> list[Found]:
    """The servers of a document, as its own order has them; plaintext ones are left out.

    Raises:
        AutoconfigError: it is no such document.
    """
    from defusedxml import DefusedXmlException  # noqa: PLC0415 - needed by this one command only
    from defusedxml.ElementTree import ParseError, fromstring  # noqa: PLC0415 - the same

    try:
        root: Element = fromstring(document, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise AutoconfigError("not an XML document that can be used") from error
    return [
        found for each in root.iter("incomingServer") for found in _found(each, address, source)
    ]


def _found(element: Element, address: str, source: Source) -> Iterator[Found]:
    protocol = _PROTOCOLS.get(element.get("type", ""))
    tls = _TLS.get(_text(element, "socketType"))
    if protocol is None or tls is None:
        return
    host, port = _filled(_text(element, "hostname"), address), _text(element, "port")
    try:
        server = parse_endpoint(f"{host}:{port}" if port else host, 0)
    except ValueError:
        return
    username = _filled(_text(element, "username"), address)
    if server.port:
        known = username if is_name(username) and "%" not in username else None
        yield Found(protocol, Endpoint(server.host, server.port), tls, source, known)


def _text(element: Element, key: str) -> str:
    return (element.findtext(key) or "").strip()


def _filled(text: str, address: str) -> str:
    local, _, domain = address.rpartition("@")
    words = {"%EMAILADDRESS%": address, "%EMAILLOCALPART%": local, "%EMAILDOMAIN%": domain}
    for word, value in words.items():
        text = text.replace(word, value)
    return text
