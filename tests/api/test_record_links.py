"""Addresses of records in a CRM."""

from services.api.explaining.links import record_link


def test_a_record_cannot_change_where_its_link_leads() -> None:
    """An id with a path, a query and placeholders stays in its place."""
    found = record_link("https://crm.example/{kind}/{id}/view", "deal", "../{kind}?x=1#y")
    assert found == "https://crm.example/deal/..%2F%7Bkind%7D%3Fx%3D1%23y/view"


def test_only_https_is_given_to_a_page() -> None:
    """Neither plain http nor a script becomes something to click."""
    for template in ("http://crm.example/{id}", "javascript:alert({id})", None):
        assert record_link(template, "deal", "7") is None


def test_a_record_of_dots_has_no_link() -> None:
    """``..`` would lead a browser one level up."""
    assert record_link("https://crm.example/deal/{id}", "deal", "..") is None
