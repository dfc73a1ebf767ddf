from __future__ import annotations

import pytest

from agent.cli.outcome import exit_status
from agent.model import Status

MEANS = {
    (): 0,
    (Status.OK,): 0,
    (Status.UNLIMITED, Status.NO_LIMIT): 0,
    (Status.OK, Status.WARNING): 1,
    (Status.CRITICAL, Status.WARNING): 2,
    (Status.FULL,): 2,
    (Status.FAILED,): 3,
    (Status.WARNING, Status.FAILED): 3,
    (Status.FAILED, Status.CRITICAL): 2,
    (Status.FULL, Status.FAILED, Status.OK): 2,
}


@pytest.mark.parametrize(("statuses", "expected"), MEANS.items())
def test_critical_outranks_a_failed_poll_which_outranks_a_warning(
    statuses: tuple[Status, ...], expected: int
) -> None:
    assert exit_status(statuses) == expected


def test_every_status_has_an_exit_status() -> None:
    assert {exit_status([status]) for status in Status} == {0, 1, 2, 3}
