"""A good plan, to be spoilt by tests; its lines are counted, so mind them."""

PLAN = """\
tenants:
  - id: acme
    name: Acme
    zone: Europe/Berlin
    currency: EUR
    fiscal: {start_month: 4, week_start: monday}
    qualification: {criteria: [{id: budget, name: Budget, field: budget}]}
    disqualification:
      field: lost_reason
      reasons:
        - {id: no_budget, name: No budget, values: ["no budget"]}
        - {id: no_need, name: No need, values: ["no need"]}
    measures:
      - {id: service_deals, entity: deal, moment: won, filters: [{field: product, in: service}]}
    kpis:
      - {id: service_won, name: Service won, unit: count, formula: "service_deals + 0"}
      - {id: calls, bands: {ahead: 120}}
    weights: {won_amount: 60, calls: 40}
    calendars:
      - {id: de, country: DE, subdivision: BE, hours: ["09:00-12:00", "13:00-17:00"]}
    calendar: de
    ramps:
      - id: slow
        name: Slow
        kpis: {calls: {percent: [50, 75, 100]}, won_amount: {absolute: [10000, 20000]}}
        gates: [{month: 3, kpi: pipeline_built, at_least: 100000}]
    roles:
      - {id: ae, name: Seller, kpis: [won_amount, service_won], ramp: slow}
    sources: {quiet_after: {crm: 6h}}
    teams: [{id: east, name: East}, {id: west, name: West}]
    reps:
      - id: anna
        name: Anna
        teams: [{team: east}, {team: west, from: 2026-10-12}]
        zones: [{zone: Europe/Berlin}, {zone: Asia/Shanghai, from: 2026-10-12}]
        manages: [{team: west, from: 2026-10-12}]
        role: ae
        hired: 2026-01-05
        ramp: slow
        leave: [{from: 2026-11-02, to: 2026-11-06}]
        owners: {crm: 1}
      - {id: tom, name: Tom, team: east, kpis: [won_amount], left: 2026-12-31, owners: {crm: 2}}
    connections:
      - {id: crm, kind: cloudevents, stages: {"*": {demo: qualified, won: won, lost: lost}}}
    targets:
      - {kpi: won_amount, rep: anna, period: FY2027-Q3, base: 300000, stretch: 360000.50}
      - {kpi: won_amount, rep: anna, period: FY2027-Q3, base: 330000, effective: 2026-11-16}
      - {kpi: won_amount, team: east, period: FY2027-Q3, base: 900000, monthly: [30, 30, 40]}
      - {kpi: win_rate, rep: tom, period: FY2027, base: 25 %}
      - {kpi: cycle_median, organisation: acme, period: FY2027, base: 45d, state: draft}
"""
