"""Link templates of connections."""

import pytest
from pydantic import TypeAdapter, ValidationError

from paceline.config.words import Link

LINK: TypeAdapter[str] = TypeAdapter(Link)


def test_a_link_of_a_connection_names_kind_and_id() -> None:
    """The one of the example is taken as it is written."""
    written = "https://app.hubspot.com/contacts/62515/record/{kind}/{id}"
    assert LINK.validate_python(written) == written


@pytest.mark.parametrize(
    "written", ["http://crm.example/{id}", "https://crm.example/", "https://crm.example/{x}/{id}"]
)
def test_a_link_without_https_or_with_an_unknown_placeholder_is_a_mistake(written: str) -> None:
    """It would lead every reader of an explanation astray."""
    with pytest.raises(ValidationError, match="a link begins with https://"):
        LINK.validate_python(written)
