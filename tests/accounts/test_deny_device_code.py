"""POST /api/auth/device/deny, by which a person denies the login of a device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.given.devices import Terminal
from tests.given.tenants import http

if TYPE_CHECKING:
    from tests.given.tenants import Tenant


def test_a_denied_login_opens_no_session(tenant: Tenant) -> None:
    terminal = Terminal.begin()

    answer = tenant.signed_in().post("/api/auth/device/deny", json={"userCode": terminal.user_code})

    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert (
        http().get("/api/auth/device", params={"user_code": terminal.user_code}).json()["status"] == "denied"
    )
    assert terminal.poll().json() == {
        "error": "access_denied",
        "error_description": "Access denied",
        "message": "Access denied",
    }
