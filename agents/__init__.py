"""The stages: each package holds a pure decision and the thin shell that runs it on a stream."""
