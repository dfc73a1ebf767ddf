"""Reads one mailbox over the wire, and never changes it: a poll yields a Reading or a Failure."""
