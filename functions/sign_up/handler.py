"""POST /api/auth/sign-up/email - create an account, and sign in with it.

Body      {"name", "email", "password": 8 to 128 characters, "rememberMe"?: default true}
Response  {"token", "session": {"token"}, "user": {"id", "email", "name", "image", "emailVerified",
          "createdAt", "updatedAt"}}, and the session's cookie. Both tokens are the same. The person is in no
          organization yet
Errors    400 no e-mail, password too short or too long; 403 signing up is closed here, or a page of another
          origin; 422 the e-mail is taken; 429; 503
"""

from __future__ import annotations

from mangum import Mangum

from vitrine import auth
from vitrine.accounts import ACCOUNTS
from vitrine.accounts.people import SignedUp, SignUp, show_signed_up
from vitrine.dialects import Answer
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import people, sessions
from vitrine.models.people import Nobody


@endpoint(
    ACCOUNTS,
    public=True,
    tier="sign_up",
    mints_secret=True,
    own_pages_only=True,
    body=SignUp,
    returns=SignedUp,
)
def app(request: Request[SignUp], _: Nobody) -> Answer:
    body = request.body()
    account = people.sign_up(email=body.email, name=body.name, password=body.password)
    session = sessions.start(
        account.id,
        address=request.address,
        user_agent=request.headers.get("user-agent", ""),
        remember=body.rememberMe,
    )
    return Answer(
        show_signed_up(account, session.token),
        cookies=auth.sign_in_cookies(session.token, seconds=session.cookie_seconds, secure=request.secure),
    )


handler = Mangum(app, lifespan="off")
