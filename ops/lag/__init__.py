"""Consumer lag: looked at, judged by a window, kept for a while, and held against what consensus may do."""
