"""The operator console: a page for people, which calls the same API as everybody, with their own token."""
