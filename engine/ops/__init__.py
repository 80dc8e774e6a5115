"""Running a server: the lobby and its doors, who may knock, secrets, logs, figures and metrics.

Nothing here takes part in the match. An entry point starts with `flags`; the lobby is a package of its own.
"""
