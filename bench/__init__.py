"""Measurements, as ratios in one run with what they are compared to. Not tests: nothing here fails for
being slow.
"""

import sys

from local import LAYERS

sys.path[:0] = [str(layer) for layer in LAYERS]
