"""expire_credentials - deletes expired credentials and what is kept for a limited time: sessions, device
codes, API keys, idempotency keys, rate limit counts.

Event     {"now"?: ISO 8601, "dryRun"?: true}
Response  the report: {"job", "dryRun", "ran", "complete", "counts", "done"}
"""

from __future__ import annotations

from vitrine.consumers import on_schedule
from vitrine.library import expiry

handler = on_schedule(
    "expire_credentials",
    expiry.end_sessions,
    expiry.drop_device_codes,
    expiry.drop_api_keys,
    expiry.drop_idempotency_keys,
    expiry.drop_rate_limits,
)
