"""POST /api/auth/sign-in/email - sign in by e-mail and password.

Body      {"email", "password", "rememberMe"?: false for until the browser is closed, and a day at most;
          default true}
Response  {"redirect": false, "token", "session": {"token"}, "user": {"id", "email", "name", "image",
          "emailVerified", "createdAt", "updatedAt"}}, and the session's cookie. Both tokens are the same, and
          work as Bearer too
Errors    400; 401 wrong e-mail or password, whichever it is; 403 a page of another origin; 429 too many
          failures; 503 too many sign in at once
"""

from __future__ import annotations

from mangum import Mangum

from vitrine import auth
from vitrine.accounts import ACCOUNTS
from vitrine.accounts.people import SignedIn, SignIn, show_signed_in
from vitrine.dialects import Answer
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import people, sessions
from vitrine.models.people import Nobody


@endpoint(
    ACCOUNTS,
    public=True,
    tier="auth",
    failures_only=True,
    mints_secret=True,
    own_pages_only=True,
    body=SignIn,
    returns=SignedIn,
)
def app(request: Request[SignIn], _: Nobody) -> Answer:
    body = request.body()
    account = people.sign_in(body.email, body.password, subnet=auth.rate_limit_address(request.address))
    session = sessions.start(
        account.id,
        address=request.address,
        user_agent=request.headers.get("user-agent", ""),
        remember=body.rememberMe,
        known_hash=account.password_hash,
    )
    return Answer(
        show_signed_in(account, session.token),
        cookies=auth.sign_in_cookies(session.token, seconds=session.cookie_seconds, secure=request.secure),
    )


handler = Mangum(app, lifespan="off")
