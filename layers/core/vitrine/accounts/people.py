"""Sign-up, sign-in, password and session, in the shapes of better-auth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from vitrine.dialects.formats import Input, Time, show_time
from vitrine.models.people import MAX_EMAIL
from vitrine.texts import EXACT

if TYPE_CHECKING:
    from vitrine import models

Email = Annotated[str, Field(min_length=1, max_length=MAX_EMAIL)]
# Not composed: `credentials.hash_password` normalizes passwords in another Unicode form. The length is
# checked there, on the form that is hashed.
Password = Annotated[str, EXACT]


# Requests.


class SignUp(Input):
    """POST /api/auth/sign-up/email"""

    name: str = Field(min_length=1, max_length=255)
    email: Email
    password: Password
    rememberMe: bool = True


class SignIn(Input):
    """POST /api/auth/sign-in/email"""

    email: Email
    password: Password
    rememberMe: bool = Field(True, description="false: until the browser is closed, and for a day at most")


class ChangePassword(Input):
    """POST /api/auth/change-password"""

    currentPassword: Password
    newPassword: Password
    revokeOtherSessions: bool = False


# Answers.


class User(TypedDict):
    id: str
    email: str
    name: str
    image: str | None
    emailVerified: bool
    createdAt: Time
    updatedAt: Time


class OpenedSession(TypedDict):
    token: str  # repeats the session's token: the published mobile client reads it here


class SignedUp(TypedDict):
    token: str  # of the session, in this answer alone
    session: OpenedSession
    user: User


class SignedIn(SignedUp):
    redirect: Literal[False]


class SignedOut(TypedDict):
    success: Literal[True]


class PasswordChanged(TypedDict):
    token: None  # the session continues with its own
    user: User


class Session(TypedDict):
    id: str
    userId: str
    expiresAt: Time  # unless it is used before
    createdAt: Time
    updatedAt: Time  # when it was last used, within a day
    ipAddress: str | None
    userAgent: str | None
    activeOrganizationId: str | None


class SessionAndUser(TypedDict):
    session: Session
    user: User


def show_user(account: models.people.Account) -> User:
    return {
        "id": account.id.hex,
        "email": account.email,
        "name": account.name,
        "image": account.image,
        "emailVerified": account.email_verified,
        "createdAt": show_time(account.created_at),
        "updatedAt": show_time(account.updated_at),
    }


def show_signed_up(account: models.people.Account, token: str) -> SignedUp:
    return {"token": token, "session": {"token": token}, "user": show_user(account)}


def show_signed_in(account: models.people.Account, token: str) -> SignedIn:
    return {"redirect": False, **show_signed_up(account, token)}


def show_password_changed(account: models.people.Account) -> PasswordChanged:
    return {"token": None, "user": show_user(account)}


def show_session(session: models.people.SignedIn) -> SessionAndUser:
    """Serialize a session without its token, which its cookie hides from the scripts of a page."""
    active = session.active_organization_id
    return {
        "session": {
            "id": session.id.hex,
            "userId": session.account.id.hex,
            "expiresAt": show_time(session.expires_at),
            "createdAt": show_time(session.created_at),
            "updatedAt": show_time(session.seen_at),
            "ipAddress": session.address,
            "userAgent": session.user_agent,
            "activeOrganizationId": active.hex if active else None,
        },
        "user": show_user(session.account),
    }
