from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text

from agent.memory import Refusal
from agent.store import (
    Store,
    StoreLocked,
    StoreTooNew,
    StoreUnavailable,
    StoreUrlError,
    memory,
    place,
    schema,
)
from tests.support.mailboxes import NOON
from tests.support.stores import full_disk, opened, read_only, schema_of, store_in

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://agent:topsecret@db/agent",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///agent.db?key=topsecret",
        "agent.db-topsecret",
    ],
)
def test_a_url_that_can_never_work_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(StoreUrlError) as error:
        Store(url)
    assert "topsecret" not in str(error.value)


def test_another_database_system_is_named() -> None:
    with pytest.raises(StoreUrlError, match="only sqlite is supported for now, not postgresql"):
        Store("postgresql://db/agent")


def test_database_and_lock_are_for_their_owner_only(tmp_path: Path) -> None:
    with opened(tmp_path):
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes["agent.db"] == modes["agent.db.lock"] == 0o600
    assert set(modes.values()) == {0o600}


def test_commits_are_durable_and_writers_wait_for_each_other(tmp_path: Path) -> None:
    with opened(tmp_path) as store, store.transaction() as connection:
        asked = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        found = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in asked]
    assert found == ["wal", 2, 1, 10000]


def test_a_transaction_is_a_writer_from_its_begin(tmp_path: Path) -> None:
    with opened(tmp_path) as store, store.transaction():
        other = sqlite3.connect(tmp_path / "agent.db", timeout=0)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        other.close()


def test_a_block_that_fails_writes_nothing(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        with pytest.raises(ZeroDivisionError):
            _add_mailbox(store, "anna", then=lambda: 1 / 0)
        assert _mailboxes(store) == 0


def test_a_second_agent_on_the_same_store_is_refused(tmp_path: Path) -> None:
    with opened(tmp_path), pytest.raises(StoreLocked, match="another agent"):
        store_in(tmp_path).open()
    with opened(tmp_path) as again:
        assert again.is_open


def test_a_new_store_needs_no_alembic(tmp_path: Path) -> None:
    program = (
        "import sys; from agent.store import Store; store = Store(sys.argv[1]); store.open(); "
        "store.close(); store.open(); sys.exit('alembic' in sys.modules)"
    )
    url = f"sqlite:///{tmp_path / 'agent.db'}"
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", program, url], cwd=root, check=False)
    assert done.returncode == 0


def test_migrating_from_nothing_gives_the_same_tables(tmp_path: Path) -> None:
    created, migrated = tmp_path / "created", tmp_path / "migrated"
    created.mkdir()
    migrated.mkdir()
    with opened(created):
        pass
    with sqlite3.connect(migrated / "agent.db") as connection:
        connection.execute(
            "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
            "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
        )
    connection.close()
    with opened(migrated) as store, store.transaction() as transaction:
        assert transaction.execute(text("SELECT * FROM alembic_version")).scalar() == schema.HEAD
    assert schema_of(migrated / "agent.db") == schema_of(created / "agent.db")


def test_a_store_of_the_first_version_keeps_its_data_and_gets_the_new_tables(
    tmp_path: Path,
) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    new.mkdir()
    with opened(new):
        pass
    _make_0001(old / "agent.db")
    with opened(old) as store:
        with store.transaction() as connection:
            memory.bring_back(connection, {"ben": Refusal("5a17", 2, NOON)})
        assert _mailboxes(store) == 2
        with store.transaction() as connection:
            assert connection.execute(text("SELECT used FROM sample")).scalar() == 42
            revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        assert revision == schema.HEAD
    assert schema_of(old / "agent.db") == schema_of(new / "agent.db")


def test_a_migration_that_fails_leaves_the_store_as_it_was(tmp_path: Path) -> None:
    _make_0001(tmp_path / "agent.db")
    before = schema_of(tmp_path / "agent.db")
    with sqlite3.connect(tmp_path / "agent.db") as connection:
        connection.execute("CREATE TABLE refusal (id INTEGER)")  # the last that 0002 creates
    connection.close()
    with pytest.raises(StoreUnavailable, match="refusal already exists"):
        store_in(tmp_path).open()
    with sqlite3.connect(tmp_path / "agent.db") as connection:
        connection.execute("DROP TABLE refusal")
    connection.close()
    assert schema_of(tmp_path / "agent.db") == before


def test_a_store_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    with opened(tmp_path) as store, store.transaction() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    before = (tmp_path / "agent.db").read_bytes()
    with pytest.raises(StoreTooNew, match="9999"):
        store_in(tmp_path).open()
    assert (tmp_path / "agent.db").read_bytes() == before


def test_a_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "agent.db") as connection:
        connection.execute("CREATE TABLE theirs (id INTEGER)")
    connection.close()
    with pytest.raises(StoreUrlError, match="another program"):
        store_in(tmp_path).open()


def test_a_file_that_is_no_database_is_set_aside(tmp_path: Path) -> None:
    (tmp_path / "agent.db").write_bytes(b"not a database at all " * 500)
    with opened(tmp_path) as store:
        assert _mailboxes(store) == 0
    [aside] = tmp_path.glob("agent.db.corrupt-*Z")
    assert aside.read_bytes().startswith(b"not a database at all")


def test_a_database_that_breaks_in_use_is_set_aside_when_opened_again(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        _add_mailbox(store, "anna")
    _break_table(tmp_path / "agent.db", "mailbox")
    with opened(tmp_path) as store:
        with pytest.raises(StoreUnavailable, match="malformed"):
            _mailboxes(store)
        assert not store.is_open
        store.open()
        assert _mailboxes(store) == 0
    assert list(tmp_path.glob("agent.db.corrupt-*Z"))


def test_who_fails_on_a_database_that_was_replaced_meanwhile_leaves_the_new_one_alone(
    tmp_path: Path,
) -> None:
    with opened(tmp_path) as store:
        _add_mailbox(store, "anna")
    _break_table(tmp_path / "agent.db", "mailbox")
    with opened(tmp_path) as store:
        with pytest.raises(StoreUnavailable, match="malformed"):
            _fail_late(store)
        assert _mailboxes(store) == 1
    with opened(tmp_path) as store:
        assert _mailboxes(store) == 1
    assert len(list(tmp_path.glob("agent.db.corrupt-*Z"))) == 1


def test_a_file_that_was_removed_is_not_silently_made_anew(tmp_path: Path) -> None:
    with opened(tmp_path) as store, store.reading():
        (tmp_path / "agent.db").unlink()
        with pytest.raises(StoreUnavailable, match="unable to open"), store.reading():
            pass
    assert not (tmp_path / "agent.db").exists()


def test_a_full_disk_is_unavailable_and_loses_nothing(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        _add_mailbox(store, "before")
        with full_disk(), pytest.raises(StoreUnavailable) as error:
            _add_mailbox(store, "during")
        assert len(str(error.value).splitlines()) == 1
        _add_mailbox(store, "after")
        assert _mailboxes(store) == 2


def test_a_read_only_directory_is_unavailable_until_it_is_not(tmp_path: Path) -> None:
    with opened(tmp_path):
        pass
    store = store_in(tmp_path)
    with read_only(tmp_path), pytest.raises(StoreUnavailable, match="Permission denied"):
        store.open()
    store.open()
    store.close()


def test_a_missing_directory_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="No such file or directory"):
        store_in(tmp_path / "missing").open()


def test_a_closed_store_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="not open"), store_in(tmp_path).transaction():
        pass


MOUNTS = r"""22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:40 / /srv rw - nfs4 nas:/srv rw
31 30 0:41 / /srv/local\040disk rw shared:3 master:1 - xfs /dev/vdb rw
32 22 0:42 / /mnt rw - ext4 /dev/vdc rw
33 22 0:43 / /mnt rw - cifs //nas/mnt rw"""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/var/lib/agent.db", "ext4"),
        ("/srv/agent.db", "nfs4"),
        ("/srvs/agent.db", "ext4"),
        ("/srv/local disk/agent.db", "xfs"),
        ("/mnt/agent.db", "cifs"),
    ],
)
def test_the_file_system_is_that_of_the_nearest_and_latest_mount(path: str, expected: str) -> None:
    assert place.filesystem_of(Path(path), MOUNTS) == expected


def test_a_network_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = place.filesystem_of(tmp_path.resolve(), Path("/proc/self/mountinfo").read_text())
    monkeypatch.setattr(place, "_NETWORK", {own})
    with pytest.raises(StoreUrlError, match=f"network file system .{own}."):
        store_in(tmp_path).open()
    assert list(tmp_path.iterdir()) == []


def _make_0001(path: Path) -> None:
    """A database as the first version left it, with a few rows."""
    engine = create_engine(f"sqlite:///{path}")
    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).with_name("migrations")))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for statement in (
            "INSERT INTO mailbox VALUES ('anna', 1, 1, NULL, NULL), ('ben', 1, NULL, 'dns', 'x')",
            "INSERT INTO series VALUES (1, 'anna', 'size', '', '')",
            "INSERT INTO sample VALUES (1, 0, 3600, 42, NULL)",
        ):
            connection.execute(text(statement))
    engine.dispose()


def _add_mailbox(store: Store, name: str, then: Callable[[], object] = lambda: None) -> None:
    with store.transaction() as connection:
        connection.execute(
            text("INSERT INTO mailbox (account, last_poll_at) VALUES (:name, 0)"), {"name": name}
        )
        then()


def _mailboxes(store: Store) -> int:
    with store.transaction() as connection:
        return len(connection.execute(text("SELECT * FROM mailbox")).all())


def _fail_late(store: Store) -> None:
    with store.reading() as late:
        late.execute(text("SELECT * FROM alert"))
        with pytest.raises(StoreUnavailable, match="malformed"):
            _mailboxes(store)
        store.open()
        _add_mailbox(store, "ben")
        late.execute(text("SELECT * FROM mailbox")).all()


def _break_table(path: Path, table: str) -> None:
    """Overwrite the table's first page, as a failing disk might."""
    with sqlite3.connect(path) as connection:
        query = "SELECT rootpage FROM sqlite_master WHERE name = ?"
        [page] = connection.execute(query, (table,)).fetchone()
        [size] = connection.execute("PRAGMA page_size").fetchone()
    connection.close()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
