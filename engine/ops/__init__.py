"""Running a server: the lobby and its doors, who may knock, secrets, logs, figures and metrics.

Nothing here takes part in the match. The lobby is a package of its own.
"""
