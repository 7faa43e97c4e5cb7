"""POST /api/auth/sign-out - end the session of this token, as Bearer or in the cookie. Idempotent.

Response  {"success": true}, also where there is no session; the cookies of the session and of the
          organization are deleted
Errors    403 a page of another origin; 429
"""

from __future__ import annotations

from mangum import Mangum

from vitrine import auth
from vitrine.accounts import ACCOUNTS
from vitrine.accounts.people import SignedOut
from vitrine.dialects import Answer
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import sessions
from vitrine.models.people import Nobody


@endpoint(ACCOUNTS, public=True, tier="write", own_pages_only=True, returns=SignedOut)
def app(request: Request, _: Nobody) -> Answer:
    sessions.end(request.session_tokens)
    return Answer({"success": True}, cookies=auth.sign_out_cookies(secure=request.secure))


handler = Mangum(app, lifespan="off")
