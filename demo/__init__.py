"""The agent at work in one terminal: a private mail server, six mailboxes, and what ops is told.

Borrows the tests' private Dovecot (tests/support), which needs no configuration and no root.
"""
