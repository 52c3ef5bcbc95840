"""A terminal workbench for prompts on open models."""

__version__ = "0.1.0"
