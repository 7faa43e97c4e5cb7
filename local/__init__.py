"""The laptop's AWS: what `make run` starts, in place of API Gateway, Lambda, SQS, EventBridge, S3 and Aurora.

Whatever is started from here finds the library as a function finds it in Lambda: its layers lie on the path.
"""

import sys
from pathlib import Path

CLONE = Path(__file__).resolve().parent.parent
LAYERS = tuple(CLONE / "layers" / name for name in ("core", "imaging", "video"))

sys.path[:0] = [str(path) for path in (CLONE, *LAYERS) if str(path) not in sys.path]
