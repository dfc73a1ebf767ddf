"""Where the mailbox of an address is: asked of a table, DNS and the web, never with a login."""
