"""The configuration of the private Dovecot, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.support.certificates import Certificates

_TEMPLATE = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
listen = {addresses}
protocols = imap pop3 lmtp

# An ordinary user for everything: no chroot, no change of user.
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
mail_uid = {user}
mail_gid = {group}
first_valid_uid = 1
first_valid_gid = 1

ssl = yes
ssl_cert = <{certificates.good.chain}
ssl_key = <{certificates.good.key}
disable_plaintext_auth = no
auth_failure_delay = 0
auth_mechanisms = {mechanisms}
local {expired} {{
  ssl_cert = <{certificates.expired.chain}
  ssl_key = <{certificates.expired.key}
}}
local {other} {{
  ssl_cert = <{certificates.other.chain}
  ssl_key = <{certificates.other.key}
}}
local {strict} {{
  ssl = required
  disable_plaintext_auth = yes
}}

# Two that announce little, before the login and after it; they know the commands all the same.
local {poor} {{
  protocol imap {{
    imap_capability = IMAP4rev1 SASL-IR ID IDLE CHILDREN NAMESPACE UIDPLUS QUOTA
  }}
}}
local {bare} {{
  protocol imap {{
    imap_capability = IMAP4rev1
  }}
}}

# Each session after its login goes into a file, where the folder exists.
rawlog_dir = {folder}/wire
local {unrecorded} {{
  rawlog_dir =
}}

mail_home = {folder}/mail/%u
mail_location = maildir:~/Maildir
mail_fsync = never
mail_max_userip_connections = 0
mail_plugins = quota
protocol imap {{
  mail_plugins = quota imap_quota
}}
plugin {{
  quota = count:User quota
  quota_vsizes = yes
}}
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Sent {{
    auto = subscribe
    special_use = \\Sent
  }}
  mailbox Drafts {{
    auto = subscribe
    special_use = \\Drafts
  }}
  mailbox Junk {{
    auto = subscribe
    special_use = \\Junk
  }}
  mailbox Trash {{
    auto = subscribe
    special_use = \\Trash
  }}
}}

# Logins by access token: those that a provider of the tests knows to be active.
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {folder}/oauth2.conf
}}

# A user's own file, else the file of the user's domain: Dovecot rereads a file once a second only,
# and keeps each one open.
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {folder}/users/%u
}}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {folder}/domains/%d
}}
userdb {{
  driver = passwd-file
  args = username_format=%u {folder}/users/%u
}}
userdb {{
  driver = passwd-file
  args = username_format=%u {folder}/domains/%d
}}

# Processes that serve one session after another, as a busy server has them.
service imap-login {{
  chroot =
  service_count = 0
  process_min_avail = {logins}
  process_limit = {logins}
  client_limit = 4000
  inet_listener imap {{
    port = {ports[imap]}
  }}
  inet_listener imaps {{
    port = {ports[imaps]}
    ssl = yes
  }}
}}
service pop3-login {{
  chroot =
  service_count = 0
  process_min_avail = {logins}
  process_limit = {logins}
  client_limit = 4000
  inet_listener pop3 {{
    port = {ports[pop3]}
  }}
  inet_listener pop3s {{
    port = {ports[pop3s]}
    ssl = yes
  }}
}}
service imap {{
  service_count = 0
  process_limit = 2000
}}
service pop3 {{
  service_count = 0
  process_limit = 2000
}}
service lmtp {{
  user = {user}
  inet_listener lmtp {{
    address = {host}
    port = {ports[lmtp]}
  }}
}}
service auth {{
  client_limit = 20000
}}
service anvil {{
  chroot =
  client_limit = 20000
  # Without it failed logins slow down every later one from the same address.
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
"""


_OAUTH2 = """
introspection_mode = post
introspection_url = {introspection}
username_attribute = username
active_attribute = active
active_value = true
"""


def oauth2(introspection: str) -> str:
    """Return oauth2.conf for a server that asks this address whose an access token is."""
    return _OAUTH2.format(introspection=introspection)


def configuration(  # noqa: PLR0913 -- every part of the file comes from outside
    folder: Path,
    account: tuple[str, str],
    certificates: Certificates,
    addresses: Mapping[str, str],
    *,
    ports: Mapping[str, int],
    logins: int,
    mechanisms: str,
) -> str:
    """Return dovecot.conf for a server in `folder`, run by `account`, a user and its group."""
    user, group = account
    return _TEMPLATE.format(
        folder=folder, user=user, group=group, certificates=certificates, ports=ports,
        logins=logins, mechanisms=mechanisms, addresses=" ".join(addresses.values()), **addresses,
    )  # fmt: skip
