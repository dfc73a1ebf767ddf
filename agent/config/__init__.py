"""The configuration: strict models, one TOML file, secrets kept out of every message."""
