"""Knows how full every mailbox is, and tells the right people before mail bounces."""
