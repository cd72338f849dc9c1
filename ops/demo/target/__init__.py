"""The misbehaving target: a small HTTP service, a process of its own, that can really leak, starve or drown."""
