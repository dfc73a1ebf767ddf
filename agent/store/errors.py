"""Why the store cannot be used; each text is one printable line."""

# ruff: noqa: N818 - the names say the state that the store is in

from __future__ import annotations


class StoreError(Exception):
    """The store cannot be used."""


class StoreUrlError(StoreError):
    """The configured place can never hold the store: the configuration must change."""


class StoreLocked(StoreError):
    """Another agent uses this store."""


class StoreTooNew(StoreError):
    """A newer agent wrote this store; this one cannot read it."""


class StoreUnavailable(StoreError):
    """The store cannot be read or written now: full disk, read-only, missing directory."""
