"""`mailbox-agent run`: the daemon."""

from typing import Annotated

import typer

from agent.cli.options import ConfigFile, LogFormat, LogLevel, MildestLogged
from agent.cli.terminal import CommandError, ExitStatus


def run(
    *,
    config: ConfigFile = None,
    log_level: MildestLogged = LogLevel.INFO,
    log_format: Annotated[
        LogFormat | None,
        typer.Option(help="[default: text on a terminal, else json]", show_default=False),
    ] = None,
) -> int:
    """Poll on schedule, export metrics, tell of full mailboxes.

    Runs until SIGTERM or Ctrl-C, and then stops cleanly within ten seconds.

    \b
      mailbox-agent run --config config.toml
      mailbox-agent run --log-format json --log-level warning

    Exit status: 0 stopped as asked, 3 the configuration or the command line is
    wrong, 4 the state cannot be used (another agent holds it, or a newer one
    wrote it), 5 the address to listen on cannot be had.
    """  # noqa: D301 - \b, the control character, keeps the lines of a paragraph apart
    import structlog

    from agent.cli import logs

    logs.configure(log_level, log_format)
    from agent.cli import configuration
    from agent.config.errors import ConfigError
    from agent.service import Service
    from agent.store import StoreError
    from agent.web import ListenError

    settings, warnings = configuration.read_with_warnings(config)
    for line in warnings:
        structlog.get_logger().warning("config.warning", problem=line)
    try:
        Service(settings).run()
    except ConfigError as error:
        raise CommandError(*error.lines) from error
    except StoreError as error:
        raise CommandError(str(error), status=ExitStatus.STORE) from error
    except ListenError as error:
        raise CommandError(str(error), status=ExitStatus.LISTEN) from error
    return ExitStatus.OK
