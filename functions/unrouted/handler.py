"""$default - what no route takes: 404, 405 with Allow, OPTIONS and CORS preflights, and 308 for a slash
at the end of a v1 path.
"""

from __future__ import annotations

import json
from pathlib import Path

from mangum import Mangum

from vitrine import accounts
from vitrine.accounts import devices
from vitrine.dialects import studio, v1
from vitrine.dialects import uploads as protocol
from vitrine.http.endpoint import fallback

ROUTES = json.loads(Path(__file__).with_name("routes.json").read_text())

app = fallback(
    ROUTES,
    {
        "/api/v1/": v1.V1,
        "/api/auth/": accounts.ACCOUNTS,
        "/api/upload": protocol.UPLOADS,
        "/api/auth/device": devices.DEVICES,
        "/": studio.STUDIO,
    },
)

handler = Mangum(app, lifespan="off")
