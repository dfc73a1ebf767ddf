"""`mailbox-agent notify`: what concerns notifications."""

import typer

from agent.cli.notify_drop import drop
from agent.cli.notify_list import list_
from agent.cli.notify_retry import retry
from agent.cli.notify_routes import routes
from agent.cli.notify_try import send_test

app = typer.Typer(
    help="Who is told what, what was not accepted, and whether messages arrive.",
    add_completion=False,
    rich_markup_mode=None,
)
app.command(short_help="Show who would be told what of a mailbox, and when.")(routes)
app.command("test", short_help="Send a test message to every receiver, now.")(send_test)
app.command("list", short_help="Show what waits to be sent, and what was given up.")(list_)
app.command(short_help="Let notifications that were given up be sent again.")(retry)
app.command(short_help="Forget notifications.")(drop)
