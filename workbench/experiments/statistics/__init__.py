"""What the scores of trials say, and how sure one may be. Pure functions; the standard library only.

`estimates` (one variant), `pairs` (two on the same cases), `evidence` (two, looked at after every case), `verdicts`
(in words), `correction` (many pairs), `power` (how many cases), `resampling` and `distributions` (what these stand on).
docs/statistics.md says it all to people who write prompts.
"""
