"""What people and machines touch: command line, settings, workers, servers, intake, replay, demo."""
