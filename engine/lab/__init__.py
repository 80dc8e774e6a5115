"""The lab: whole matches in virtual time, over links that behave like real ones, measured against the truth.

Read on in this order: `match` (a match in one process), `truth` and `states` (what is measured, against what), `shots`
(what was drawn against what was judged), `measures` (the figures), `scenario` and `run` (what to play, and playing it),
then what is made of it: `tables`, `export`, `report` and `plots`, `compare`, `sweep` and `batch`, `trace`, `sync` and
`real`. `python -m engine.lab` is the command, `pytest_plugin` the fixtures, docs/LAB.md the guide.
"""
