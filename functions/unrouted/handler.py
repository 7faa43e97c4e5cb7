"""$default - requests that match no route: 404, 405 with Allow, OPTIONS and CORS preflights, and 308 for a
slash at the end of a v1 path.
"""

from __future__ import annotations

import json
from pathlib import Path

from mangum import Mangum

from vitrine.accounts import ACCOUNTS
from vitrine.accounts.devices import DEVICES
from vitrine.dialects.studio import STUDIO
from vitrine.dialects.uploads import UPLOADS
from vitrine.dialects.v1 import V1
from vitrine.http.unrouted import fallback

ROUTES = json.loads(Path(__file__).with_name("routes.json").read_text())

app = fallback(
    ROUTES,
    {
        "/api/v1/": V1,
        "/api/auth/": ACCOUNTS,
        "/api/upload": UPLOADS,
        "/api/auth/device": DEVICES,
        "/": STUDIO,
    },
)

handler = Mangum(app, lifespan="off")
