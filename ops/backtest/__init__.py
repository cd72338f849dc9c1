"""Backtests: the decisions that the agents take on streams, taken on files."""
