"""The lobby: the HTTP service that hands out connect tokens, in a process of its own beside the match.

Read on in this order: `lobby` (the decisions, without HTTP), `policy` and `jwt` (the doors), `api` (the HTTP contract
as values), `app` and `plain` (what serves it), `process` (how a server runs one), `client` (how a player asks), `tls`.
For operators: docs/LOBBY.md.
"""
