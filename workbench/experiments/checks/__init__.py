"""Automatic verdicts on an answer: `reading` makes checks of TOML tables, `applying` applies them to a trial."""
