"""GET /api/auth/get-session - the session of this token, as Bearer or in the cookie, and whose it is.

Response  {"session": {"id", "userId", "expiresAt", "createdAt", "updatedAt", "ipAddress", "userAgent",
          "activeOrganizationId"}, "user": {...}}; null where there is none, for an API key too. A persistent
          cookie is sent again, which extends it
Errors    429
"""

from __future__ import annotations

from mangum import Mangum

from vitrine import auth
from vitrine.accounts import ACCOUNTS
from vitrine.accounts.people import SessionAndUser, show_session
from vitrine.dialects import Answer
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import sessions
from vitrine.models.people import Nobody


@endpoint(ACCOUNTS, public=True, tier="read", returns=SessionAndUser | None)
def app(request: Request, _: Nobody) -> Answer:
    tokens = request.session_tokens
    session = sessions.current(tokens)
    if session is None:
        return Answer(b"null", headers={"content-type": "application/json"})
    token = tokens[session.token_number - 1]
    cookies = (
        auth.sign_in_cookies(token, seconds=session.life, secure=request.secure)
        if session.remembered and token == request.session_cookie
        else ()
    )
    return Answer(show_session(session), cookies=cookies)


handler = Mangum(app, lifespan="off")
