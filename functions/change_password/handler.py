"""POST /api/auth/change-password - replace one's own password.

Body      {"currentPassword", "newPassword": 8 to 128 characters, "revokeOtherSessions"?: true to end all but
          this one, and the logins at devices that were approved and have not been collected}
Response  {"token": null, since this session goes on, "user": {...}}. API keys go on too
Errors    400 the current password is another, the new one too short or too long; 401; 403 an API key, or a
          page of another origin; 409 changed meanwhile; 429; 503
"""

from __future__ import annotations

from mangum import Mangum

from vitrine.accounts import ACCOUNTS
from vitrine.accounts.people import ChangePassword, PasswordChanged, show_password_changed
from vitrine.http.endpoint import Request, endpoint
from vitrine.library import people
from vitrine.models.people import Person


# Without Idempotency-Key: that keeps a hash of the body, which would be a fast hash of a password.
@endpoint(
    ACCOUNTS,
    operation="password.change",
    failures_only=True,
    mints_secret=True,
    body=ChangePassword,
    returns=PasswordChanged,
)
def app(request: Request[ChangePassword], person: Person) -> PasswordChanged:
    body = request.body()
    return show_password_changed(
        people.change_password(
            person, current=body.currentPassword, new=body.newPassword, end_others=body.revokeOtherSessions
        )
    )


handler = Mangum(app, lifespan="off")
