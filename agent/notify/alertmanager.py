"""The sink that keeps one Alertmanager informed: alerts as its API v2 wants them, and the POST.

https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
"""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import replace
from functools import partial
from hashlib import blake2b
from http import HTTPStatus
from typing import TYPE_CHECKING

from agent.config.alertmanager import AlertmanagerReceiver
from agent.model import Notification, Reason
from agent.notify.attempts import Attempts
from agent.notify.message import Style, compose, percent
from agent.notify.verdict import Rejected, Retry, Sent, Verdict
from agent.notify.web import ONE_SOCKET_OPERATION, ask, new_session
from agent.text import size
from agent.trust import no_login, trusted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from requests import PreparedRequest, Session

    from agent.config.accounts import Account
    from agent.config.settings import Settings
    from agent.model import Alert, Finding, Transition

# Stable: people's routes, inhibitions and silences name them.
ALERT_NAMES = {
    "usage": "MailboxAlmostFull",
    "forecast": "MailboxFillingUp",
    "unread": "MailboxTooManyUnread",
    "uncollected": "MailboxUncollected",
    "poll": "MailboxPollFailing",
    "login": "MailboxAuthFailing",
    "stale": "MailboxDataStale",
    "limit": "MailboxLimitUnknown",
    "certificate": "MailServerCertificateExpiring",
    "server": "MailServerUnreachable",
    "agent": "MailboxAgentOffline",
}

_REFERENCE_BYTES = 6  # as long as messages show of a notification's key

# What is wrong is in the alerts. All else may pass: a wrong path, a proxy, an expired token.
_FINAL = {
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
}


def labels(alert: Alert, account: Account | None) -> dict[str, str]:
    """What makes the alert this alert, and no other: who and how bad, and never a figure.

    `account` is None for an alert that is about a mail server, or about the agent itself.
    """
    key = alert.key
    root_is_server = not key.account
    every = {
        "alertname": ALERT_NAMES.get(key.rule, f"Mailbox{key.rule.capitalize()}"),
        "rule": key.rule,
        "severity": alert.heard.value,
        "account": key.account,
        "server": key.root if root_is_server else str(account.server) if account else "",
        "quota_root": "" if root_is_server else key.root,
        "resource": key.resource,
        "tags": ",".join(account.tags) if account else "",
    }
    return {name: value for name, value in every.items() if value}


def announcing(settings: Settings) -> Callable[[Alert], dict[str, str] | None]:
    """Return what gives an alert's labels, or None where no Alertmanager is told of it."""
    names = {each.name for each in settings.receivers if isinstance(each, AlertmanagerReceiver)}
    accounts = {account.name: account for account in settings.accounts}

    def known_as(alert: Alert) -> dict[str, str] | None:
        if names.isdisjoint(alert.told):
            return None
        return labels(alert, accounts.get(alert.key.account))

    return known_as


def explained(transition: Transition, style: Style) -> dict[str, str]:
    """What there is to say about an alert, in words and figures, as of its last change."""
    alert, finding = transition.alert, transition.finding
    ended = transition.reason is Reason.RESOLVED
    told = replace(transition, reason=Reason.RESOLVED if ended else Reason.FIRST)
    reference = _reference(alert)
    message = compose([Notification(reference, "", "", told, transition.at)], style)
    return {
        "summary": message.title,
        "description": message.text,
        **_figures(finding),
        "as_of": f"{transition.at:%Y-%m-%dT%H:%MZ}",
        "reference": reference,
    }


def payload(
    transition: Transition, known_as: Mapping[str, str], ends_at: datetime, style: Style
) -> dict[str, object]:
    """One alert of a POST to /api/v2/alerts; with `ends_at` in the past it is resolved."""
    since = transition.alert.since
    return {
        "labels": known_as,
        "annotations": explained(transition, style),
        "startsAt": since.isoformat(),
        "endsAt": max(ends_at, since).isoformat(),  # the clock may have been set back
    }


class AlertmanagerSink:
    """One peer. `post` may be called from one thread at a time."""

    def __init__(self, receiver: AlertmanagerReceiver, url: str) -> None:
        self._address = f"{url}/api/v2/alerts"
        self._username, self._secret = receiver.username, receiver.secret()
        self._ca_file = receiver.ca_file
        self._attempts = Attempts()
        self._session: Session | None = None

    def post(self, alerts: Sequence[Mapping[str, object]], seconds: float) -> Verdict:
        """Tell the peer, and return within about `seconds` whatever it does. Never raises.

        Rejected says that an alert was at fault; an Alertmanager has taken the others all the same.
        """
        session = self._session = self._session or new_session()

        def given_up(_: object) -> None:
            self._session = None  # the hanging thread keeps its own

        return self._attempts.run(partial(self._attempt, session, alerts), seconds, given_up)

    def _attempt(self, session: Session, alerts: Sequence[Mapping[str, object]]) -> Verdict:
        request = partial(
            session.post,
            self._address,
            data=json.dumps(alerts).encode(),
            headers={"Content-Type": "application/json"},
            auth=self._login(),
            verify=trusted(self._ca_file),
            timeout=ONE_SOCKET_OPERATION,
            allow_redirects=False,
            stream=True,
        )
        reply = ask(request)
        if isinstance(reply, Retry):
            return reply
        if reply.accepted:
            return Sent()
        error = ": ".join(filter(None, (reply.error, reply.text)))
        return Rejected(error) if reply.status in _FINAL else Retry(error, reply.retry_after)

    def _login(self) -> Callable[[PreparedRequest], PreparedRequest]:
        """What puts the credentials on a request. Raises SecretError."""
        if not self._secret.given:
            return no_login
        secret = self._secret.reveal()
        if self._username is None:
            return partial(_authorize, f"Bearer {secret}".encode())
        return partial(_authorize, b"Basic " + b64encode(f"{self._username}:{secret}".encode()))


def _authorize(credentials: bytes, request: PreparedRequest) -> PreparedRequest:
    request.headers["Authorization"] = credentials  # type: ignore[assignment]  # bytes do, too
    return request


def _figures(finding: Finding) -> dict[str, str]:
    used, limit, resource = finding.used, finding.limit, finding.key.resource
    spelled = size if resource == "storage" else str
    figures = {}
    if used is not None:
        figures["used"] = spelled(used)
    if limit is not None:
        figures["limit"] = spelled(limit)
    if resource and used is not None and limit is not None:
        figures["percent"] = str(percent(used, limit))
    return figures


def _reference(alert: Alert) -> str:
    """The same for all that is told of one episode of an alert, however bad it gets."""
    key = alert.key
    about = (key.account, key.rule, key.root, key.resource, alert.since.isoformat())
    return blake2b("\0".join(about).encode(), digest_size=_REFERENCE_BYTES).hexdigest()
