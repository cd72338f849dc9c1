"""Dead letters: looking at them, and putting them back where they came from, each at most once."""
