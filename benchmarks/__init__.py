"""Measurements, each a command that prints figures and ratios: `python -m benchmarks.NAME`. See README.md."""
