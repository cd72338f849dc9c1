"""The stage that tells people: one clear notice at the right moment, by every channel, and never twice."""
