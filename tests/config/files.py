"""A good configuration file, to be spoilt by tests; its lines are counted, so mind them."""

GOOD = """\
version: 1
tenants:
  - # Two teams, two reps, two sources.
    id: acme
    name: Acme
    zone: Europe/Berlin
    currency: EUR
    stale_after_days: 30
    teams:
      - {id: sales, name: Sales}
      - {id: east, name: East, parent: sales}
    reps:
      - id: anna
        name: Anna
        team: east
        owners: {hub: [101, 102]}
      - id: tom
        name: Tom
        team: sales
        manages: sales
        owners: {hub: 103}
    connections:
      - id: hub
        kind: hubspot
        secret: {env: HUB_SECRET}
        portal: 62515
        stages: {default: {closedwon: won, closedlost: lost}}
      # Visits come from the app of the field service.
      - id: visits
        kind: json
        secret: {env: VISITS_SECRET}
        signatures: [standard-webhooks]
        currency: CHF
        mapping:
          rules:
            - entity: activity
              id: visit_id
              occurred_at: changed_at
              fields:
              # What a visit is.
                owner: person
                type: "'visit'"
"""
