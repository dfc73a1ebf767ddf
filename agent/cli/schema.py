"""`mailbox-agent schema`: what a configuration file may hold."""

from typing import Annotated

import typer


def schema(
    *,
    example: Annotated[
        bool, typer.Option("--example", help="A commented example file instead, in TOML.")
    ] = False,
) -> None:
    """Print the JSON Schema of the configuration file, for editors and checks.

    \b
      mailbox-agent schema > config.schema.json
      mailbox-agent schema --example > config.toml
    """  # noqa: D301 - \b, the control character, keeps the lines of a paragraph apart
    from agent.cli.terminal import show
    from agent.config import describe

    show((describe.example() if example else describe.schema()).rstrip("\n"))
