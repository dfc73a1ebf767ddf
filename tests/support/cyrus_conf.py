"""The configuration of the private Cyrus, as text."""

from __future__ import annotations

import grp
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from pwd import struct_passwd

    from tests.support.certificates import Certificate

ADMINISTRATOR = "cyrus"
REALM = "localhost"

_IMAPD = f"""
configdirectory: {{folder}}/config
partition-default: {{folder}}/mail
# Not the default: where Cyrus has to choose, it seeds its random numbers with the second, and
# mailboxes that are made within one get the same identity and share their mail.
defaultpartition: default
cyrus_user: {{user}}
cyrus_group: {{group}}
servername: {REALM}
admins: {ADMINISTRATOR}

allowplaintext: yes
failedloginpause: 0
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: {{folder}}/sasldb2
sasl_mech_list: PLAIN LOGIN CRAM-MD5
tls_server_cert: {{certificate.chain}}
tls_server_key: {{certificate.key}}

# As Debian has it: a mailbox is there after its first login, and no limit until one is set.
autocreate_quota: 0
autocreate_inbox_folders: Drafts|Junk|Sent|Trash
autocreate_subscribe_folders: Drafts|Junk|Sent|Trash
xlist-drafts: Drafts
xlist-junk: Junk
xlist-sent: Sent
xlist-trash: Trash

altnamespace: {{altnamespace}}
unixhierarchysep: {{altnamespace}}
popminpoll: {{popminpoll}}
"""

_MASTER = """
START {{
}}
SERVICES {{
  imap cmd="{programs}/imapd -C {folder}/imapd.conf" listen="{host}:{ports[imap]}" prefork=1
  imaps cmd="{programs}/imapd -C {folder}/imapd.conf -s" listen="{host}:{ports[imaps]}"
  pop3 cmd="{programs}/pop3d -C {folder}/imapd.conf" listen="{host}:{ports[pop3]}"
  pop3s cmd="{programs}/pop3d -C {folder}/imapd.conf -s" listen="{host}:{ports[pop3s]}"
}}
EVENTS {{
}}
"""


def mailboxes(
    folder: Path, owner: struct_passwd, certificate: Certificate, popminpoll: int, *, prefix: bool
) -> str:
    """Return imapd.conf for a server in `folder`, run by `owner`.

    `popminpoll` minutes must lie between two POP3 logins of a user; 0 is no limit. With `prefix`
    all folders lie below INBOX, and dots separate their levels.
    """
    return _IMAPD.format(
        folder=folder, user=owner.pw_name, group=grp.getgrgid(owner.pw_gid).gr_name,
        certificate=certificate, popminpoll=popminpoll, altnamespace="no" if prefix else "yes",
    )  # fmt: skip


def services(folder: Path, programs: Path, host: str, ports: Mapping[str, int]) -> str:
    """Return cyrus.conf, which says what listens where."""
    return _MASTER.format(folder=folder, programs=programs, host=host, ports=ports)
