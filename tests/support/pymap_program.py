"""The private pymap's program: mailboxes in memory, and a user for each file of a folder.

pymap's other backend, on disk, tells the sizes of messages without the CR of their lines.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pymap.backend import backends
from pymap.backend.dict import Config, DictBackend
from pymap.main import main
from pymap.user import UserMetadata
from pysasl.hashing import BuiltinHash

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

_HASH = BuiltinHash(rounds=1)  # of no safety, which passwords of a test do not need


class Users(dict[str, UserMetadata]):
    """The users of a folder: a file has the name of one, and in it the password."""

    def __init__(self, config: Config, folder: Path) -> None:
        super().__init__()
        self._config = config
        self._folder = folder

    def get(self, name: str, default: Any = None, /) -> Any:
        file = self._folder / name
        if not file.is_file():
            return default
        return UserMetadata(self._config, name, password=_HASH.hash(file.read_text()))


class Files(DictBackend):
    """pymap's backend in memory, with the users of a folder."""

    @classmethod
    def add_subparser(cls, name: str, subparsers: Any) -> ArgumentParser:
        parser = super().add_subparser(name, subparsers)
        parser.add_argument("folder", type=Path)
        return parser

    @classmethod
    async def init(cls, args: Namespace, **overrides: Any) -> tuple[DictBackend, Config]:
        backend, config = await super().init(args, hash_context=_HASH, **overrides)
        backend.login.users_dict = Users(config, args.folder)
        return backend, config


if __name__ == "__main__":
    backends.add("files", Files)
    main()
