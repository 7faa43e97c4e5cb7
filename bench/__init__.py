"""Benchmarks. Each compares our code with an alternative in the same run, and prints the ratio.

They are not tests: a slow result does not fail.
"""

import sys

from local import LAYERS

sys.path[:0] = [str(layer) for layer in LAYERS]
