"""The commands of `mailbox-agent`: the only room that prints."""
