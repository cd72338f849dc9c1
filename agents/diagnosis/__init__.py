"""Diagnosis: which service is at fault, of what, and on which records that rests."""
