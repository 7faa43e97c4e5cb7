"""Measurements, as ratios in one run with what they are compared to. Not tests: nothing here fails for being slow."""
