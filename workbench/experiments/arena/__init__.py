"""Blind votes turned into a ranking. Pure functions; the standard library only.

`votes` (what is counted), `styles` (length, lists, headings, bold), `bradley` (the model), `ranking` (rows with
intervals), `matches` (which pair to show next). docs/statistics.md says it to people who vote.
"""
