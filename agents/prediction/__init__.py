"""Prediction: will a series breach its level soon, and what would prevent it."""
