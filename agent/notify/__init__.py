"""Whom to tell (`routing`), what to say (`message`), and how it gets there (one file a sink)."""
