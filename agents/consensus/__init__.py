"""Consensus: what the agents together would do, and whether it may be done without a human."""
