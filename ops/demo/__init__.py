"""The demonstration: a real service that fails, a fleet that suffers from it, and a view of how the incident is dealt with."""
