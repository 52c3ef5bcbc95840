"""Blind votes, and how they are turned into a ranking.

Pure, on the standard library only: `votes` (what is counted), `styles` (length, lists, headings, bold), `bradley` (the
model), `ranking` (rows with intervals), `matches` (which pair to show next). docs/statistics.md says it to people.
On the history: `entries` (trials as what is voted on), `sitting` (a person voting), `tables` (CSV). docs/arena.md.
"""
