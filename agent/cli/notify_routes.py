"""`mailbox-agent notify routes`: who would be told what of a mailbox, and when."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from agent.cli.options import ConfigFile
from agent.model import Severity

if TYPE_CHECKING:
    from agent.config.accounts import Account
    from agent.config.settings import Settings


def routes(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="The account's name.")],
    *,
    config: ConfigFile = None,
    severity: Annotated[
        Severity | None, typer.Option(help="Only alerts of this severity.", show_default=False)
    ] = None,
    rule: Annotated[
        str | None, typer.Option(metavar="RULE", help="Only alerts of this rule.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON document.")] = False,
) -> int:
    """Show who would be told what of a mailbox, and when.

    A line for each alert that the mailbox can have and each receiver that
    hears of it, as if the alert began now: by which route, and from when on
    where quiet hours or a silence hold it back. Nothing is sent.

    \b
      mailbox-agent notify routes anna
      mailbox-agent notify routes anna --rule usage --severity critical

    Exit status: 0, or 3 where there is no such account.
    """  # noqa: D301 - \b, the control character, keeps the lines of a paragraph apart
    from datetime import UTC, datetime

    from agent.cli import configuration
    from agent.cli.notify_table import document, render
    from agent.cli.terminal import ExitStatus, show
    from agent.notify.prospects import prospects

    _refuse_unknown_rule(rule)
    settings = configuration.read(config)
    chosen, now = _account(settings, account), datetime.now(UTC)
    found = [
        each
        for each in prospects(settings, chosen, now)
        if severity in (None, each.severity) and rule in (None, each.rule)
    ]
    show(
        json.dumps(document(account, found, settings, now), indent=2)
        if as_json
        else render(found, settings, now)
    )
    return ExitStatus.OK


def _refuse_unknown_rule(rule: str | None) -> None:
    from agent.cli.terminal import CommandError
    from agent.config.errors import choices, nearest
    from agent.config.routes import RULES

    if rule is not None and rule not in RULES:
        raise CommandError(f"--rule must be {choices(RULES)}{nearest(rule, RULES)}")


def _account(settings: "Settings", name: str) -> "Account":
    from agent.cli.terminal import CommandError
    from agent.config.errors import nearest, shown

    accounts = {each.name: each for each in settings.accounts}
    if name not in accounts:
        meant = nearest(name, accounts)
        raise CommandError(f"no account {shown(name)} in the configuration{meant}")
    return accounts[name]
