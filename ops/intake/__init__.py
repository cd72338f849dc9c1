"""Telemetry from outside: each format mapped to the contracts, what cannot be mapped to the dead letters, byte-exact."""
