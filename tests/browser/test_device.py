"""The page where a person approves or denies a device login, in a browser, while a terminal polls."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from local import CLONE
from local.stack import Stack
from tests.browser.conftest import Observed, Organization
from tests.given.devices import CLIENT, HEADERS, SCOPE
from vitrine.accounts.devices import GRANT

pytestmark = pytest.mark.browser

SIGNED_IN = """
import sys
from uuid import UUID
from vitrine.library import sessions
print(sessions.start(UUID(sys.argv[1]), address="127.0.0.1", user_agent="tests").token)
"""
# Chromium's console messages for errors that the page expects
UNKNOWN_TO_US = "Failed to load resource: the server responded with a status of 401 (Unauthorized)"
REJECTED = "Failed to load resource: the server responded with a status of 400 (Bad Request)"


@dataclass(frozen=True, slots=True)
class PollingTerminal:
    """A terminal that polls for the decision."""

    origin: str
    answered: dict[str, Any]

    @classmethod
    def begin(cls, stack: Stack) -> PollingTerminal:
        return cls(stack.origin, post(stack.origin, "code", client_id=CLIENT, scope=SCOPE).json())

    @property
    def code(self) -> str:
        code: str = self.answered["user_code"]
        return code

    def poll(self) -> dict[str, Any]:
        answer: dict[str, Any] = post(
            self.origin, "token", client_id=CLIENT, device_code=self.answered["device_code"], grant_type=GRANT
        ).json()
        return answer


def post(origin: str, path: str, **body: str) -> httpx.Response:
    return httpx.post(f"{origin}/api/auth/device/{path}", json=body, headers=HEADERS, timeout=30)


@pytest.fixture
def terminal(stack: Stack) -> PollingTerminal:
    return PollingTerminal.begin(stack)


@pytest.fixture
def signed_in(context: BrowserContext, stack: Stack, organization: Organization) -> dict[str, Any]:
    """Set the session's cookie in the browser, as a sign-in does. Returns the answer of /api/me."""
    me: dict[str, Any] = organization.get("/api/me")
    made = subprocess.run(
        [sys.executable, "-c", SIGNED_IN, me["userId"]],
        env=stack.environment(),
        cwd=CLONE,
        capture_output=True,
        text=True,
        check=True,
    )
    context.add_cookies(
        [
            {
                "name": "better-auth.session_token",
                "value": made.stdout.strip(),
                "url": stack.origin,
                "httpOnly": True,
                "sameSite": "Lax",
            }
        ]
    )
    return me


def spaced(code: str) -> str:
    return f"{code[:4]}-{code[4:]}"


def works(origin: str, session: dict[str, Any]) -> Any:
    return httpx.get(
        f"{origin}/api/me", headers={"authorization": f"Bearer {session['access_token']}"}, timeout=30
    ).json()


def test_a_person_approves_and_the_terminal_is_signed_in(
    page: Page, stack: Stack, terminal: PollingTerminal, signed_in: dict[str, Any]
) -> None:
    page.goto(terminal.answered["verification_uri_complete"])

    expect(page.locator("#shown")).to_have_text(spaced(terminal.code))
    expect(page.locator("#client")).to_have_text(CLIENT)
    expect(page.locator("#person")).to_have_text(f"{signed_in['name']} ({signed_in['email']})")
    assert terminal.poll()["error"] == "authorization_pending"  # opening the page decides nothing
    page.get_by_role("button", name="Approve").click()
    expect(page.locator("#done")).to_have_text(
        "Approved. Your device signs in by itself; you may close this page."
    )

    page.wait_for_timeout(1000 * terminal.answered["interval"])
    assert works(stack.origin, terminal.poll()) == signed_in


def test_a_person_denies_and_the_terminal_receives_access_denied(
    page: Page, terminal: PollingTerminal, signed_in: dict[str, Any]
) -> None:
    page.goto(terminal.answered["verification_uri_complete"])
    page.get_by_role("button", name="Deny").click()

    expect(page.locator("#done")).to_have_text("Denied. The device was not let in.")
    assert terminal.poll()["error"] == "access_denied"


def test_a_typed_code_is_found_and_a_wrong_one_is_reported(
    page: Page, stack: Stack, terminal: PollingTerminal, signed_in: dict[str, Any], seen: Observed
) -> None:
    page.goto(f"{stack.origin}/device")
    page.get_by_label("Code").fill("WRNG-2345")
    page.get_by_role("button", name="Continue").click()
    expect(page.locator("#problem")).to_have_text("Invalid user code")

    page.get_by_label("Code").fill(spaced(terminal.code).lower())
    page.get_by_role("button", name="Continue").click()

    expect(page.locator("#shown")).to_have_text(spaced(terminal.code))
    expect(page.locator("#problem")).to_be_hidden()
    assert seen.complaints == [REJECTED]
    seen.complaints.clear()


def test_a_login_decided_elsewhere_cannot_be_decided_again(
    page: Page, terminal: PollingTerminal, signed_in: dict[str, Any], seen: Observed
) -> None:
    other = page.context.new_page()
    for each in (page, other):
        each.goto(terminal.answered["verification_uri_complete"])
        expect(each.locator("#shown")).to_be_visible()
    other.get_by_role("button", name="Deny").click()
    expect(other.locator("#done")).to_be_visible()

    page.get_by_role("button", name="Approve").click()

    expect(page.locator("#problem")).to_have_text("Device code already processed")
    page.reload()
    expect(page.locator("#problem")).to_have_text("This login was denied already.")
    assert terminal.poll()["error"] == "access_denied"
    assert seen.complaints == [REJECTED]
    seen.complaints.clear()


def test_the_name_of_a_device_is_shown_as_text(page: Page, stack: Stack, signed_in: dict[str, Any]) -> None:
    name = "<img src=x onerror=alert(1)>"
    code: str = post(stack.origin, "code", client_id=name).json()["user_code"]

    page.goto(f"{stack.origin}/device?user_code={code}")

    expect(page.locator("#client")).to_have_text(name)
    assert page.locator("main img").count() == 0


def test_a_visitor_without_a_session_is_asked_to_sign_in(
    page: Page, terminal: PollingTerminal, seen: Observed
) -> None:
    page.goto(terminal.answered["verification_uri_complete"])

    expect(page.get_by_label("E-mail")).to_be_focused()
    for name in ("Approve", "Deny"):
        expect(page.get_by_role("button", name=name)).to_be_hidden()
    assert seen.complaints == [UNKNOWN_TO_US]
    seen.complaints.clear()


def test_a_person_who_signs_in_on_the_page_can_decide(
    page: Page, stack: Stack, terminal: PollingTerminal, seen: Observed
) -> None:
    person = {
        "name": "A Person",
        "email": f"{terminal.code.lower()}@example.org",
        "password": "a long enough password",
    }
    httpx.post(f"{stack.origin}/api/auth/sign-up/email", json=person, timeout=30).raise_for_status()
    page.goto(terminal.answered["verification_uri_complete"])

    page.get_by_label("E-mail").fill(person["email"])
    page.get_by_label("Password").fill("another password")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.locator("#problem")).to_have_text("Invalid email or password")
    page.get_by_label("Password").fill(person["password"])
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.locator("#shown")).to_have_text(spaced(terminal.code))
    page.get_by_role("button", name="Approve").click()
    expect(page.locator("#done")).to_contain_text("Approved.")

    # authenticated, and in no organization yet
    assert works(stack.origin, terminal.poll())["code"] == "organization_required"
    assert page.url == terminal.answered["verification_uri_complete"]  # the URL never contains the password
    assert set(seen.complaints) <= {UNKNOWN_TO_US, REJECTED}
    seen.complaints.clear()
