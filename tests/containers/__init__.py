"""Tests on containers; skipped, with the reason, where no Docker engine answers or an image is not there."""
