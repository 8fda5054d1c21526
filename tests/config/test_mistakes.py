"""Every mistake in a configuration file is named by its line, with what to do about it."""

from __future__ import annotations

import pytest

from paceline.config.parse import parse
from paceline.config.problems import ConfigError
from tests.config.files import GOOD

# What is replaced in the good file, by what, and the place, path and sentence that this gives.
MISTAKES: list[tuple[str, str, str, str]] = [
    (
        "zone: Europe/Berlin",
        "zone: Europe/Berln",
        "6:11: tenants[0].zone",
        "`Europe/Berln` is no IANA time zone; did you mean `Europe/Berlin`?",
    ),
    (
        "zone: Europe/Berlin",
        "zone: Mars",
        "6:11: tenants[0].zone",
        "write one such as Europe/Berlin or Asia/Shanghai",
    ),
    (
        "currency: EUR",
        "currency: eur",
        "7:15: tenants[0].currency",
        "`eur` is no ISO 4217 currency code; did you mean `EUR`?",
    ),
    ("    currency: EUR\n", "", "4:5: tenants[0]", "`currency` is missing"),
    (
        "stale_after_days: 30",
        'stale_after_days: "30"',
        "8:23: tenants[0].stale_after_days",
        "this must be a whole number",
    ),
    (
        "stale_after_days: 30",
        "stale_after_days: 0",
        "8:23: tenants[0].stale_after_days",
        "greater than or equal to 1",
    ),
    (
        "stale_after_days: 30",
        "stale_after_day: 30",
        "8:5: tenants[0].stale_after_day",
        "unknown key `stale_after_day`; did you mean `stale_after_days`?",
    ),
    (
        "name: Acme",
        "name: Acme\n    name: Acme Inc",
        "6:5: tenants[0].name",
        "this key is already in line 5; keep one of them",
    ),
    ("id: acme", "id: Acme Inc", "4:9: tenants[0].id", "`Acme Inc` is no id: use 1 to 63 of"),
    (
        "parent: sales}",
        "parent: sale}",
        "11:40: tenants[0].teams[1].parent",
        "unknown team `sale`; did you mean `sales`?",
    ),
    (
        "name: Sales}",
        "name: Sales, parent: east}",
        "10:42: tenants[0].teams[0].parent",
        "teams contain each other: sales -> east -> sales",
    ),
    (
        "{id: east, name: East",
        "{id: sales, name: East",
        "11:14: tenants[0].teams[1].id",
        "team id `sales` is already used in line 10",
    ),
    ("team: east", "team: west", "15:15: tenants[0].reps[0].team", "unknown team `west`"),
    (
        "manages: sales",
        "manages: slaes",
        "20:18: tenants[0].reps[1].manages",
        "unknown team `slaes`; did you mean `sales`?",
    ),
    (
        "hub: [101, 102]",
        "hubb: [101, 102]",
        "16:18: tenants[0].reps[0].owners.hubb",
        "unknown connection `hubb`; did you mean `hub`?",
    ),
    (
        "owners: {hub: 103}",
        "owners: {hub: 102}",
        "21:23: tenants[0].reps[1].owners.hub",
        "owner `102` of `hub` already belongs to the rep in line 16",
    ),
    (
        "id: tom",
        "id: anna",
        "17:13: tenants[0].reps[1].id",
        "rep id `anna` is already used in line 13",
    ),
    ("name: Tom", "name: 7", "18:15: tenants[0].reps[1].name", "put it between quotes"),
    (
        "closedwon: won",
        "closedwon: wonn",
        "27:39: tenants[0].connections[0].stages.default.closedwon",
        "unknown value `wonn`; did you mean `won`?",
    ),
    (
        "kind: hubspot",
        "kind: hubspt",
        "24:15: tenants[0].connections[0].kind",
        "unknown value `hubspt`; did you mean `hubspot`?",
    ),
    (
        "        kind: hubspot\n",
        "",
        "23:9: tenants[0].connections[0]",
        "`kind` is missing; add `kind: hubspot`",
    ),
    (
        "secret: {env: HUB_SECRET}",
        "secret: s3cr3t-of-ours",
        "25:17: tenants[0].connections[0].secret",
        "a secret itself never belongs into this file",
    ),
    (
        "env: HUB_SECRET",
        "env: s3cr3t-of-ours",
        "25:23: tenants[0].connections[0].secret.env",
        "this is no name of an environment variable",
    ),
    (
        "portal: 62515",
        "properties: {visit type: type}",
        "26:22: tenants[0].connections[0].properties.visit type",
        "`visit type` is no internal name of a HubSpot property",
    ),
    (
        "portal: 62515",
        "properties: {visit_type: Type}",
        "26:34: tenants[0].connections[0].properties.visit_type",
        "`Type` is no field name",
    ),
    (
        "portal: 62515",
        "properties: {gone: deleted}",
        "26:28: tenants[0].connections[0].properties.gone",
        "deletion is told by HubSpot's own events",
    ),
    (
        "portal: 62515",
        "uri_forms: [decoded, rawe]",
        "26:30: tenants[0].connections[0].uri_forms[1]",
        "unknown value `rawe`; did you mean `raw`?",
    ),
    (
        "portal: 62515",
        "uri_forms: []",
        "26:20: tenants[0].connections[0].uri_forms",
        "this list must not be empty",
    ),
    (
        "[standard-webhooks]",
        "[standard-webhooks]\n        properties: {a: type}",
        "33:9: tenants[0].connections[1].properties",
        "unknown key `properties`",
    ),
    (
        "id: visits",
        "id: hub",
        "29:13: tenants[0].connections[1].id",
        "connection id `hub` is already used in line 23",
    ),
    (
        "[standard-webhooks]",
        "[standard-webhook]",
        "32:22: tenants[0].connections[1].signatures[0]",
        "did you mean `standard-webhooks`?",
    ),
    (
        "id: visit_id",
        "id: 'visit_id['",
        "37:19: tenants[0].connections[1].mapping.rules[0].id",
        "JMESPath `visit_id[` ends too early",
    ),
    (
        "owner: person",
        "Owner: person",
        "41:17: tenants[0].connections[1].mapping.rules[0].fields.Owner",
        "`Owner` is no field name",
    ),
    (
        "owner: person",
        "owner: person x",
        "41:24: tenants[0].connections[1].mapping.rules[0].fields.owner",
        "cannot be read from character 8 on",
    ),
    ("tenants:", "tenant:", "1:1: ", "`tenants` is missing"),
    ("version: 1", "version: 2", "1:10: version", "unknown value `2`"),
    ("name: Acme", "name: [Acme", "6:9: ", "this is no valid YAML"),
    ("name: Acme", "name: !secret Acme", "5:11: tenants[0].name", "the tag !secret"),
    ("name: Acme", "<<: {a: 1}", "5:5: tenants[0]", "write the entries out here"),
]


def lines_of(text: str) -> list[str]:
    """What is wrong with a file."""
    with pytest.raises(ConfigError) as caught:
        parse(text, "acme.yaml")
    return caught.value.lines


@pytest.mark.parametrize(("good", "bad", "place", "what"), MISTAKES)
def test_a_mistake_is_named_by_its_line(good: str, bad: str, place: str, what: str) -> None:
    """File, line, column, path, what is wrong and how to put it right."""
    assert good in GOOD
    lines = lines_of(GOOD.replace(good, bad, 1))
    found = [line for line in lines if line.startswith(f"acme.yaml:{place}") and what in line]
    assert found, lines


def test_all_mistakes_are_reported_at_once_in_the_order_of_the_file() -> None:
    """Shape, words, references and duplicate keys together; no second run finds more."""
    text = GOOD.replace("zone: Europe/Berlin", "zone: Nowhere").replace("team: east", "team: west")
    text = text.replace("closedwon: won", "closedwon: wn").replace("id: tom", "id: anna")
    text = text.replace("name: Sales}", "name: Sales, name: S}").replace("name: Tom", "nmae: Tom")
    lines = lines_of(text)
    assert [line.split(":")[1] for line in lines] == ["6", "10", "15", "17", "17", "18", "27"]


def test_a_secret_that_stands_in_the_file_is_never_repeated() -> None:
    """Neither by the mistake about it nor by any other."""
    for bad in (
        "secret: s3cr3t-of-ours",
        "secret: {env: s3cr3t-of-ours}",
        "secret: [s3cr3t-of-ours]",
    ):
        lines = lines_of(GOOD.replace("secret: {env: HUB_SECRET}", bad))
        assert "s3cr3t" not in "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "acme.yaml:1:1: the file is empty; begin with `tenants:`"),
        ("- a", "acme.yaml:1:1: this must be `key: value` pairs"),
        ("tenants: &a [*a]", "acme.yaml:1:1: the file is nested too deep"),
        ("tenants: []", "acme.yaml:1:10: tenants: this list must not be empty"),
        ("tenants: 5", "acme.yaml:1:10: tenants: this must be a list"),
        ("a: \x00", "acme.yaml:1:1: this is no valid YAML"),
        ("tenants:\n\t- a", "acme.yaml:2:1: this is no valid YAML"),
    ],
)
def test_a_file_that_is_no_configuration_is_refused_in_one_line(text: str, line: str) -> None:
    """Empty, a list, an alias within itself, control characters, tabs."""
    lines = lines_of(text)
    assert len(lines) == 1
    assert lines[0].startswith(line)


def test_aliases_of_aliases_do_not_fill_the_memory() -> None:
    """A file of 300 bytes that would be 10^9 values is refused."""
    levels = [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
    text = "a0: &a0 [x]\n" + "\n".join(levels)
    assert "the file is too large" in "\n".join(lines_of(text))


def test_an_owner_id_is_kept_as_it_is_written() -> None:
    """007 is not 7: leading zeros are part of an id."""
    document, _ = parse(GOOD.replace("hub: 103", "hub: 007"), "acme.yaml")
    assert document.tenants[0].reps[1].owners == {"hub": ["007"]}
