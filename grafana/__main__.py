"""Write the dashboards' JSON: `python -m grafana`, or into another folder."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from grafana import agent, fleet, mailbox

if TYPE_CHECKING:
    from grafana_foundation_sdk.models import dashboard as models

FOLDER = Path(__file__).parent / "dashboards"
SURPLUS = {"auto", "auto_count", "auto_min", "footer"}


def write(folder: Path) -> None:
    """Write the dashboards' files into a folder."""
    boards = {"fleet": fleet.board(), "mailbox": mailbox.board(), "agent": agent.board()}
    for name, board in boards.items():
        (folder / f"{name}.json").write_text(_text(board))


def _text(board: models.Dashboard) -> str:
    document = json.loads(json.dumps(board, cls=JSONEncoder))
    return json.dumps(_plain(document), indent=2, sort_keys=True) + "\n"


def _plain(value: Any) -> Any:
    """Without what the SDK adds unasked, and Grafana 12 does not know or hides things by."""
    if isinstance(value, dict):
        kept = {key: each for key, each in value.items() if key not in SURPLUS}
        return {key: _plain(each) for key, each in kept.items() if each != "inControlsMenu"}
    return [_plain(each) for each in value] if isinstance(value, list) else value


if __name__ == "__main__":
    write(Path(sys.argv[1]) if sys.argv[1:] else FOLDER)
