"""What all stages know of a metric series: what its name says, where it usually lies, where it goes, how unusual a point is."""
