"""The charts of one mailbox, with what they say in words and in figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from agent.store.history import Sample, Series
from agent.store.trends import STEP
from agent.web.chart import Ahead, Chart, chart, longest_gap, spark
from agent.web.fleet import TREND
from agent.web.words import amount

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime, tzinfo

    from agent.model import Quota
    from agent.web.chart import Spark
    from agent.web.shown import Mailbox, Row

_MOST = 4  # charts, of the quotas nearest to their limits


class Line(NamedTuple):
    """A value with a line of the grid."""

    value: float
    label: str


@dataclass(frozen=True, slots=True)
class Drawn:
    """A chart, its title, its text alternative, and the last reading of each day, latest first."""

    title: str
    summary: str
    resource: str
    chart: Chart
    lines: Sequence[Line]
    days: Sequence[Sample]


def small(row: Row, now: datetime) -> Spark:
    """The small line in the row of a mailbox."""
    begin = now - TREND
    longest = max(longest_gap(row.interval, begin, now), 3.0 * STEP)
    return spark(row.points, begin, now, longest)


def drawn(mailbox: Mailbox, zone: tzinfo) -> list[Drawn]:
    """A chart of each limited quota, the tightest first; of the mailbox's size without any."""
    reading = mailbox.row.reading
    limited = [quota for quota in reading.quotas if quota.limit is not None] if reading else []
    limited.sort(key=lambda quota: quota.ratio or 0.0, reverse=True)
    charts = [_of_quota(mailbox, quota, zone) for quota in limited[:_MOST]]
    if not limited:
        charts = [_of_series(mailbox, Series("size"), "storage", "Size of the folders", zone)]
    return [each for each in charts if each]


def _of_quota(mailbox: Mailbox, quota: Quota, zone: tzinfo) -> Drawn | None:
    of = Series("quota", quota.root, quota.resource)
    title = f"{quota.resource.capitalize()}{f' in {quota.root}' if quota.root else ''}"
    return _of_series(mailbox, of, quota.resource, title, zone, quota)


def _of_series(  # noqa: PLR0913, PLR0917 - what is drawn, and what is known of it
    mailbox: Mailbox,
    of: Series,
    resource: str,
    title: str,
    zone: tzinfo,
    quota: Quota | None = None,
) -> Drawn | None:
    ahead, latest = _ahead(mailbox, quota), _latest(mailbox, quota)
    samples = [*mailbox.history.get(of, ()), *([latest] if latest else [])]
    longest = longest_gap(mailbox.row.interval, mailbox.since, mailbox.at)
    made = chart(samples, ahead, mailbox.since, mailbox.at, zone, longest)
    if made is None:
        return None
    summary = _summary(title, samples, resource, ahead, zone)
    lines = list(_lines(samples, resource))
    return Drawn(title, summary, resource, made, lines, _days(samples, zone))


def _latest(mailbox: Mailbox, quota: Quota | None) -> Sample | None:
    """The last reading at its very time: in the history it stands for its hour's beginning."""
    known = mailbox.row.standing.known
    if quota is None or known.succeeded_at is None or known.succeeded_at < mailbox.since:
        return None
    return Sample(known.succeeded_at, quota.used, quota.limit)


def _ahead(mailbox: Mailbox, quota: Quota | None) -> Ahead | None:
    outlook = mailbox.row.outlook(quota) if quota else None
    at = mailbox.row.standing.known.succeeded_at
    if quota is None or quota.limit is None or not outlook or not outlook.full_at or not at:
        return None
    if outlook.full_at <= mailbox.at or quota.used >= quota.limit:
        return None
    return Ahead(at, quota.used, quota.limit, outlook.full_at)


def _summary(
    title: str, samples: Sequence[Sample], resource: str, ahead: Ahead | None, zone: tzinfo
) -> str:
    first, last = samples[0], samples[-1]
    said = (
        f"{title}: {amount(first.used, resource)} on {_day(first.at, zone)}, "
        f"{amount(last.used, resource)} on {_day(last.at, zone)}"
    )
    if last.limit is not None:
        said += f", with a limit of {amount(last.limit, resource)}"
    return (
        f"{said}; full on {_day(ahead.full_at, zone)} if it goes on growing so" if ahead else said
    )


def _lines(samples: Sequence[Sample], resource: str) -> Iterator[Line]:
    """The last limit and half of it; without any, the peak."""
    limit = samples[-1].limit
    top = limit or max(sample.used for sample in samples)
    if limit:
        yield Line(limit, f"limit {amount(limit, resource)}")
    else:
        yield Line(top, amount(top, resource))
    if top > 1:
        yield Line(top / 2, amount(top // 2, resource))


def _days(samples: Sequence[Sample], zone: tzinfo) -> list[Sample]:
    days = {sample.at.astimezone(zone).date(): sample for sample in samples}
    return list(days.values())[::-1]


def _day(at: datetime, zone: tzinfo) -> str:
    return f"{at.astimezone(zone):%-d %B %Y}"
