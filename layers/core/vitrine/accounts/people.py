"""What people's own endpoints take and answer: sign-up, sign-in, password, session. Shapes are
better-auth's, so that its clients work unchanged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from vitrine.dialects.formats import Input
from vitrine.dialects.studio import Time, show_time
from vitrine.texts import EXACT

if TYPE_CHECKING:
    from vitrine import models

EMAIL = Field(min_length=1, max_length=320)
Password = Annotated[str, EXACT]  # has a form of its own, `credentials.hash_password`


# What comes in. How long a password may be is the library's to say: it counts what it hashes.


class SignUp(Input):
    name: str = Field(min_length=1, max_length=255)
    email: str = EMAIL
    password: Password
    rememberMe: bool = True


class SignIn(Input):
    email: str = EMAIL
    password: Password
    rememberMe: bool = Field(True, description="false: until the browser is closed, and for a day at most")


class ChangePassword(Input):
    currentPassword: Password
    newPassword: Password
    revokeOtherSessions: bool = False


# What goes out.


class User(TypedDict):
    id: str
    email: str
    name: str
    image: str | None
    emailVerified: bool
    createdAt: Time
    updatedAt: Time


class OpenedSession(TypedDict):
    token: str  # the session's token again: the published mobile client keeps only this one


class SignedUp(TypedDict):
    token: str  # of the session: shown here and never again
    session: OpenedSession
    user: User


class SignedIn(SignedUp):
    redirect: Literal[False]


class SignedOut(TypedDict):
    success: Literal[True]


class PasswordChanged(TypedDict):
    token: None  # the session goes on under its own
    user: User


class Session(TypedDict):
    id: str
    userId: str
    expiresAt: Time  # unless it is used before
    createdAt: Time
    updatedAt: Time  # when it was last seen, within a day
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


def show_session(found: models.people.SignedIn) -> SessionAndUser:
    """Without its token, which a page's scripts must not come to know from its cookie."""
    return {
        "session": {
            "id": found.id.hex,
            "userId": found.account.id.hex,
            "expiresAt": show_time(found.expires_at),
            "createdAt": show_time(found.created_at),
            "updatedAt": show_time(found.seen_at),
            "ipAddress": found.address,
            "userAgent": found.user_agent,
            "activeOrganizationId": found.active_organization_id.hex
            if found.active_organization_id
            else None,
        },
        "user": show_user(found.account),
    }
