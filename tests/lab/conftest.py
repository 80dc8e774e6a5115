"""The lab's fixtures, also where the distribution, and with it the plug-in, is not installed."""

from engine.lab.pytest_plugin import lab, match

__all__ = ["lab", "match"]
