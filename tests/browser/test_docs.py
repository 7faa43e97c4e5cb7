"""The API's documents, in a browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from local.stack import Stack
from tests.browser.conftest import Organization

pytestmark = pytest.mark.browser


def test_every_operation_is_shown(page: Page, stack: Stack, organization: Organization) -> None:
    document = organization.get("/api/openapi.json")

    page.goto(f"{stack.origin}/api/docs")
    page.locator(".opblock").first.wait_for()

    shown = page.locator(".opblock").evaluate_all(
        """
        blocks => blocks.map(block => [
          block.querySelector('.opblock-summary-method').textContent,
          block.querySelector('[data-path]').dataset.path,
        ])
        """
    )
    described = [
        [method.upper(), path]
        for path, methods in document["paths"].items()
        for method in methods
        if method != "parameters"
    ]
    assert len(described) > 15
    assert sorted(shown) == sorted(described)


def test_an_operation_can_be_sent_from_the_page(page: Page, stack: Stack, organization: Organization) -> None:
    page.goto(f"{stack.origin}/api/docs")
    page.get_by_role("button", name="Authorize").click()
    page.locator(".auth-container input").first.fill(organization.key)
    page.locator(".auth-btn-wrapper .authorize").first.click()
    page.locator(".btn-done").first.click()

    page.locator(".opblock", has=page.locator("[data-path='/api/me']")).locator(
        ".opblock-summary-control"
    ).click()
    page.get_by_role("button", name="Execute").click()

    page.locator(".live-responses-table .response-col_status", has_text="200").first.wait_for()
