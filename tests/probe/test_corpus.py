"""No recorded reply is left out: each is replayed by one module, or has a reason why not."""

from __future__ import annotations

from collections import Counter

from tests.probe import (
    test_corpus_capabilities,
    test_corpus_counts,
    test_corpus_pop3,
    test_corpus_quota,
    test_corpus_refusals,
    test_corpus_sizes,
)
from tests.support.corpus import NOT_COMPARED, ROWS

MODULES = (
    test_corpus_capabilities,
    test_corpus_counts,
    test_corpus_pop3,
    test_corpus_quota,
    test_corpus_refusals,
    test_corpus_sizes,
)


def test_every_recorded_reply_is_compared_once_or_has_a_reason_why_not() -> None:
    compared = Counter(row.number for module in MODULES for row in module.REPLAYED)
    assert compared + Counter(NOT_COMPARED.keys()) == Counter(row.number for row in ROWS)
    assert len(ROWS) == 153
