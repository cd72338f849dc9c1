"""What Breakwater does a second, beside a baseline that does the same on the same machine in the same minutes.

A figure is a ratio first: baseline and product take turns, three rounds, and the median of the rounds' ratios is told with
the medians of both. `python -m bench` runs all of it on an embedded Kafka of its own, which is gone afterwards.
"""
