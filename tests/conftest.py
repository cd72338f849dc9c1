"""For all tests: no test asserts on time, so no property fails because the machine is busy."""

from hypothesis import HealthCheck, settings

settings.register_profile("any-machine", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any-machine")
