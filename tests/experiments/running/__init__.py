"""Tests of experiments that run."""
