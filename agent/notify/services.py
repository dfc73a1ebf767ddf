"""Apprise's services as this agent allows them; Apprise is imported when one is first built.

No plugin is read from disk, nothing is kept on disk, no redirect is followed, and Apprise's own
log goes nowhere, since its texts can hold tokens.
"""

from __future__ import annotations

import logging
import re
from functools import cache
from typing import TYPE_CHECKING, Any

from agent.config.endpoint import LARGEST_PORT

if TYPE_CHECKING:
    from apprise import AppriseAsset, NotifyBase

CONNECT_SECONDS = 10.0
READ_SECONDS = 30.0  # Apprise's 4 s give up on slow mail servers that then deliver all the same

# These reach this machine's own log, desktop or device, some by running a program: nobody sits
# in front of a daemon's host, so a message would count as sent and be seen by no one.
LOCAL_SCHEMAS = frozenset(
    ("blink1", "dbus", "gio", "glib", "gnome", "kde", "macosx", "qt", "syslog", "windows")
)
_KEY_FILE_SCHEMAS = frozenset(("vapid",))  # cannot work without a key file
# These have somewhere to post even when the URL names no recipient.
_RECIPIENT_OPTIONAL = frozenset(
    (
        *("BetterStack", "DingTalk", "GoAlert", "Jira", "Mattermost", "Nostr", "Opsgenie"),
        *("Revolt", "RocketChat", "Slack", "WebexTeams", "XMatters", "XMPP", "Zalo"),
    )
)
_SEVERAL = re.compile(r"[\s,;]\s*[a-z][a-z0-9]*://")
_TALKATIVE = ("urllib3", "requests_oauthlib", "oauthlib", "slixmpp")  # log tokens at DEBUG


class UnusableTarget(Exception):  # noqa: N818  it says what the target is
    """No message can be sent to a target; the text shows nothing of it but the schema."""


def service(revealed: str | dict[str, Any]) -> NotifyBase:
    """The Apprise plugin for a URL, or for a dictionary of its parts. Raises UnusableTarget."""
    _quieten()
    from apprise import Apprise

    parts = _parts(revealed)
    schema = str(parts.get("schema", "")).lower()
    if schema in LOCAL_SCHEMAS:
        raise UnusableTarget(f"{schema}:// stays on this machine and would tell nobody")
    plugin = Apprise.instantiate(parts, asset=_asset())
    if plugin is None:
        raise UnusableTarget(f"{schema}:// is unknown to Apprise, or lacks something it needs")
    _refuse_files(plugin, schema)
    _refuse_password_in_clear(plugin, schema)
    if plugin.port and int(plugin.port) > LARGEST_PORT:  # Apprise takes any number
        raise UnusableTarget(f"{schema}:// needs a port of at most {LARGEST_PORT}")
    return _suited(plugin)


def not_one_recipient(plugin: NotifyBase) -> str | None:
    """Why the target does not stand for exactly one recipient; None when it does.

    With two in one URL, one that fails would have the other told again.
    """
    recipients = getattr(plugin, "targets", None)
    optional = type(plugin).__name__.removeprefix("Notify") in _RECIPIENT_OPTIONAL
    if recipients is not None and not recipients and not optional:
        return "names nobody to tell"
    if len(plugin) > 1:
        return f"names {len(plugin)} recipients; give each its own, in the table form `target`"
    return None


def _parts(revealed: str | dict[str, Any]) -> dict[str, Any]:
    if isinstance(revealed, dict):
        return dict(revealed)
    if _SEVERAL.search(revealed):
        raise UnusableTarget("holds more than one URL; give each a receiver of its own")
    from apprise.plugins import url_to_dict

    if parts := url_to_dict(revealed):  # type: ignore[no-untyped-call]  # untyped in Apprise
        return dict(parts)
    raise UnusableTarget("is no URL of a service that Apprise knows")


def _refuse_files(plugin: NotifyBase, schema: str) -> None:
    """Whoever may set a receiver's URL must not have this machine's files sent to it."""
    from apprise import AppriseAttachment

    attached = (part for part in vars(plugin).values() if isinstance(part, AppriseAttachment))
    if schema in _KEY_FILE_SCHEMAS or any(len(part) for part in attached):
        raise UnusableTarget(f"{schema}:// with a template or key file is refused")


def _refuse_password_in_clear(plugin: NotifyBase, schema: str) -> None:
    """Apprise's mailto sends the password unprotected even where STARTTLS is offered."""
    if schema == "mailto" and plugin.password and not plugin.secure:
        raise UnusableTarget("mailto:// would send its password in clear; use mailtos://")


def _suited(plugin: NotifyBase) -> NotifyBase:
    """The plugin with a daemon's limits, where the URL sets none of its own."""
    from apprise import OverflowMode

    chosen = vars(plugin)
    plugin.socket_connect_timeout = chosen.get("socket_connect_timeout", CONNECT_SECONDS)
    plugin.socket_read_timeout = chosen.get("socket_read_timeout", READ_SECONDS)
    plugin.overflow_mode = chosen.get("overflow_mode", OverflowMode.SPLIT)
    return plugin


@cache
def _asset() -> AppriseAsset:
    from apprise import AppriseAsset, PersistentStoreMode

    return AppriseAsset(
        app_id="mailbox-agent",
        app_desc="mailbox-agent",
        app_url="",
        image_url_mask="",  # no picture fetched from a third party by whoever reads the message
        image_url_logo="",
        async_mode=False,
        interpret_emojis=False,
        http_redirects=False,
        pgp_autogen=False,
        pem_autogen=False,
        plugin_paths=(),
        storage_mode=PersistentStoreMode.MEMORY,
        allow_templates=False,
        language="en",
        service_timeout=0,  # no limit here: the sink has its own, without Apprise's pool of six
    )


@cache
def _quieten() -> None:
    """Keep texts that hold tokens out of every log, whatever the log level."""
    apprise = logging.getLogger("apprise")
    apprise.setLevel(logging.INFO)
    apprise.propagate = False
    apprise.addHandler(logging.NullHandler())
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
