"""OAuth2: access tokens for logins, had, kept, renewed ahead of time, and shared."""
