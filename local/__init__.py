"""The laptop's AWS: `make run` starts it in place of API Gateway, Lambda, SQS, EventBridge, S3 and Aurora.

Importing this package puts the layers on the path, so that the library is importable as in Lambda.
"""

import sys
from pathlib import Path

CLONE = Path(__file__).resolve().parent.parent
LAYERS = tuple(CLONE / "layers" / name for name in ("core", "imaging", "video"))

sys.path[:0] = [str(path) for path in (CLONE, *LAYERS) if str(path) not in sys.path]
