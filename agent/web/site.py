"""The pages for people, and the same for programs: both read what the agent knows, in a thread."""

from __future__ import annotations

import json
import re
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

import anyio
import anyio.to_thread
from pydantic import ValidationError
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from agent.standing import State
from agent.web import answers, openapi
from agent.web.documents import VERSION, ListQuery, MailboxQuery, Problem
from agent.web.drawn import drawn, small
from agent.web.html import policy, render
from agent.web.shown import Asked

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import BaseModel
    from starlette.requests import Request

    from agent.config.settings import Settings
    from agent.web.fleet import Fleet

ON_A_PAGE = 50
MOST_AT_ONCE = 2  # pages made at a time, so that many viewers do not slow polls down
RANGES = ((14, "14 days"), (90, "90 days"), (365, "1 year"))  # of history, on a page

Query = TypeVar("Query", bound="BaseModel")


class Site:
    """The routes of pages and API; every answer is made in one of a few threads."""

    def __init__(self, fleet: Fleet, settings: Callable[[], Settings]) -> None:
        self._fleet, self._settings = fleet, settings
        self._limiter = anyio.CapacityLimiter(MOST_AT_ONCE)

    def routes(self) -> list[Route]:
        """What there is to ask for; any name, slashes included, is a mailbox's."""
        return [
            Route("/", partial(self._answer, self._mailboxes)),
            Route("/mailboxes/{name:path}", partial(self._answer, self._mailbox)),
            Route("/api/v1/mailboxes", partial(self._answer, self._api_mailboxes)),
            Route("/api/v1/mailboxes/{name:path}", partial(self._answer, self._api_mailbox)),
            Route("/api/v1/openapi.json", partial(self._answer, self._api_description)),
        ]

    async def _answer(self, make: Callable[[Request], Response], request: Request) -> Response:
        return await anyio.to_thread.run_sync(make, request, limiter=self._limiter)

    def _mailboxes(self, request: Request) -> Response:
        asked, page = _asked(request)
        listing = self._fleet.listing(asked)
        values: dict[str, Any] = {
            "listing": listing,
            "spark": partial(small, now=listing.at),
            "asked": asked,
            "filtered": bool(asked.search or asked.tag or asked.state),
            "page": page,
            "pages": max(1, -(-listing.matching // ON_A_PAGE)),
            "first": asked.offset + 1,
            "last": asked.offset + len(listing.rows),
            "refresh": "refresh" in request.query_params,
            "here": "mailboxes",
        }
        return self._page("mailboxes.html.j2", request, listing.at, **values)

    def _mailbox(self, request: Request) -> Response:
        # A browser takes "." and ".." in a path for folders, however they are written.
        name = request.path_params["name"] or request.query_params.get("name", "")
        days = _days(request)
        mailbox = self._fleet.mailbox(name, days)
        if mailbox is None:
            return self._page("missing.html.j2", request, self._fleet.now(), 404, name=name)
        sizes = [each.size_bytes or 0 for each in mailbox.folders.largest]
        values: dict[str, Any] = {
            "mailbox": mailbox,
            "charts": drawn(mailbox, self._settings().agent.zone),
            "largest": max(sizes, default=0),
            "ranges": RANGES,
            "shown_days": days,
        }
        return self._page("mailbox.html.j2", request, mailbox.at, **values)

    def _page(
        self, template: str, request: Request, at: Any, status: int = 200, **values: Any
    ) -> Response:
        defaults = {"refresh": False, "here": ""}
        zone, root, link = self._settings().agent.zone, _root(request), _linker(request)
        html = render(template, at, zone, root=root, link=link, **defaults | values)
        return HTMLResponse(html, status, {"Content-Security-Policy": policy()})

    def _api_mailboxes(self, request: Request) -> Response:
        query = _query(ListQuery, request)
        if isinstance(query, Problem):
            return _json(query, 400)
        return _json(answers.listed(self._fleet.listing(Asked(**query.model_dump()))))

    def _api_mailbox(self, request: Request) -> Response:
        query = _query(MailboxQuery, request)
        if isinstance(query, Problem):
            return _json(query, 400)
        found = self._fleet.mailbox(request.path_params["name"], query.days)
        if found is None:
            return _json(
                Problem(version=VERSION, error="no mailbox of this name is configured"), 404
            )
        return _json(answers.detailed(found))

    def _api_description(self, _request: Request) -> Response:
        return Response(json.dumps(openapi.description()), media_type="application/json")


def _json(document: BaseModel, status: int = 200) -> Response:
    return Response(document.model_dump_json(), status, media_type="application/json")


def _query(model: type[Query], request: Request) -> Query | Problem:
    """What is asked for, or what is wrong with the question."""
    try:
        return model.model_validate(dict(request.query_params))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        return Problem(version=VERSION, error=f"{where}: {first['msg']}")


def _asked(request: Request) -> tuple[Asked, int]:
    """What a person asks for, and the number of the page; what makes no sense is left out."""
    given = request.query_params
    page = _number(given.get("page", ""), 1, 1_000_000)
    state = given.get("state", "")
    return (
        Asked(
            search=given.get("search", "")[:500].strip(),
            tag=given.get("tag", ""),
            state=State(state) if state in list(State) else None,
            offset=(page - 1) * ON_A_PAGE,
            limit=ON_A_PAGE,
        ),
        page,
    )


def _days(request: Request) -> int:
    days = _number(request.query_params.get("days", ""), RANGES[0][0], 365)
    return days if days in dict(RANGES) else RANGES[0][0]


def _number(text: str, otherwise: int, most: int) -> int:
    """A whole number from 1 to `most`."""
    number = int(text) if re.fullmatch("[0-9]{1,9}", text) else 0
    return number if 1 <= number <= most else otherwise


def _root(request: Request) -> str:
    """The way up from this page to `/`, which a proxy may have put below another path."""
    path: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    return "../" * (path.count(b"/") - 1) or "./"


def _linker(request: Request) -> Callable[..., str]:
    """Makes links to the same page, asked for otherwise; any other question begins on page 1."""

    def link(**changes: object) -> str:
        given = {key: value for key, value in request.query_params.items() if key != "page"}
        asked = {key: value for key, value in (given | changes).items() if value not in {"", 1}}
        return "?" + urlencode(asked)

    return link
