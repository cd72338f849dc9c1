"""Online anomaly detectors of one metric series: one a file, each scoring a point before it learns it; `ensemble` joins them."""
