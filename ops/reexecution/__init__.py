"""Re-execution: an incident's decisions made again from the log, every effect sealed off, and held against what was recorded."""
