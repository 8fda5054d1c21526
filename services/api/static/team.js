// A team: cards of the whole, and a table of reps by KPIs, who needs help first.

import { Figure, h } from "./dom.js";
import { amounts, day, money } from "./format.js";
import { Gauge, chip, days, inWords, kpiName, percent, said, shape, showChip, telling } from "./kpi.js";
import { asks } from "./why.js";
import { known, nameOf, t } from "./words.js";

// The KPIs that an owner without a rep has too: nobody's targets, but everybody's numbers.
const OF_OWNERS = {
  won_amount: (m, currency) => m.won.amounts[currency] ?? 0,
  won_count: (m) => m.won.count,
  pipeline_built: (m, currency) => m.pipeline_built.amounts[currency] ?? 0,
  open_pipeline: (m, currency) => m.open_pipeline.amounts[currency] ?? 0,
  qualified_pipeline: (m, currency) => m.open_qualified_pipeline.amounts[currency] ?? 0,
  opportunities_created: (m) => m.deals_created,
  new_customer_visits: (m) => m.new_customer_visits,
  activities_total: (m) => m.activities_total,
  calls: (m) => m.activities.call ?? 0,
  emails: (m) => m.activities.email ?? 0,
  meetings: (m) => m.activities.meeting ?? 0,
  visits: (m) => m.activities.visit ?? 0,
  demos: (m) => m.activities.demo ?? 0,
  proposals: (m) => m.activities.proposal ?? 0,
};

// Worst first; what says nothing comes last.
const URGENCY = ["at_risk", "behind", "incomplete", "too_early", "on_track", "ahead", "covered", "not_started", "no_target"];

class Card {
  constructor(id) {
    this.id = id;
    this.label = h("p", { class: "label" });
    this.actual = new Figure();
    asks(this.actual.element, `kpi:${id}`);
    this.target = h("p", { class: "note" });
    this.gauge = new Gauge();
    this.chip = chip({ status: "no_target" });
    this.need = h("p", { class: "note" });
    this.element = h("div", { class: "card", "data-kpi": id }, this.label, h("p", { class: "figure" }, this.actual.element), this.target, this.gauge.element, h("p", { class: "status-line" }, this.chip), this.need);
  }

  show(kpi, info, currencies) {
    const say = (value) => said(this.id, info, value, currencies);
    this.label.textContent = kpiName(info, this.id);
    this.actual.show(kpi.actual ?? 0, kpi.actual === null ? () => "–" : telling(this.id, info, currencies));
    this.actual.element.title = said(this.id, info, kpi.actual, currencies, true);
    this.target.textContent = kpi.target ? t("of_target", { target: say(kpi.target.base) }) : " ";
    this.gauge.show(kpi);
    showChip(this.chip, kpi);
    this.chip.hidden = kpi.status === "no_target";
    const each = kpi.pace?.required_per_workday;
    this.need.textContent = kpi.target && each > 0 ? t("needs_each", { n: say(each), days: days(kpi.pace.remaining_workdays) }) : unallocated(kpi, say);
  }
}

function unallocated(kpi, say) {
  if (!kpi.allocated?.difference) return "";
  return `${t(kpi.allocated.difference > 0 ? "unallocated" : "overallocated")}: ${say(Math.abs(kpi.allocated.difference))}`;
}

export class Cards {
  constructor() {
    this.held = new Map();
    this.element = h("div", { class: "cards" });
  }

  show(kpis, definitions, currencies) {
    const ids = new Set(kpis.map((kpi) => kpi.id));
    for (const [id, card] of this.held) if (!ids.has(id)) (card.element.remove(), this.held.delete(id));
    for (const kpi of kpis) {
      if (!this.held.has(kpi.id)) this.held.set(kpi.id, new Card(kpi.id));
      const card = this.held.get(kpi.id);
      card.show(kpi, definitions[kpi.id], currencies);
      this.element.append(card.element);
    }
  }
}

class Cell {
  constructor(id) {
    this.id = id;
    this.actual = new Figure();
    this.target = h("small", { class: "of" });
    this.gauge = new Gauge();
    this.pace = h("small", { class: "pace" });
    this.spoken = h("span", { class: "spoken" });
    this.main = h("span", { class: "figures" }, this.actual.element);
    this.element = h("td", { "data-kpi": id }, this.main, this.target, this.gauge.element, this.pace, this.spoken);
  }

  show(kpi, info, currencies) {
    asks(this.actual.element, `kpi:${this.id}`);
    this.element.dataset.label = kpiName(info, this.id);
    this.actual.show(kpi.actual ?? 0, kpi.actual === null ? () => "–" : telling(this.id, info, currencies));
    this.main.classList.toggle("zero", !kpi.actual);
    this.target.textContent = kpi.target ? t("of_target", { target: said(this.id, info, kpi.target.base, currencies) }) : "";
    this.gauge.show(kpi);
    this.pace.dataset.status = kpi.status;
    this.pace.replaceChildren(...paceWords(kpi));
    this.pace.title = t(`status_${kpi.status}`);
    this.spoken.textContent = inWords(this.id, info, kpi, currencies);
  }

  owner(value, info, currencies) {
    this.element.dataset.label = kpiName(info, this.id);
    this.actual.show(value ?? 0, value === null ? () => "" : telling(this.id, info, currencies));
    this.main.classList.toggle("zero", !value);
    this.gauge.element.hidden = true;
  }
}

function paceWords(kpi) {
  if (kpi.status === "no_target") return [];
  const part = kpi.pace?.of_expected;
  const words = part == null || ["covered", "incomplete", "not_started"].includes(kpi.status) ? t(`status_${kpi.status}`) : percent(part);
  return [h("span", { class: "shape", "aria-hidden": "true" }, shape(kpi.status)), words];
}

class Line {
  constructor(subject) {
    this.cells = new Map();
    this.element = h("tr", { "data-id": subject.id, "data-of": subject.kind === "rep" ? `rep:${subject.id}` : null, class: subject.kind === "rep" ? null : "nobody" }, h("th", { scope: "row" }, ...named(subject)));
  }

  show(row, columns, definitions, currencies) {
    const kpis = new Map((row.kpis ?? []).map((kpi) => [kpi.id, kpi]));
    for (const [id, cell] of this.cells) if (!columns.includes(id)) (cell.element.remove(), this.cells.delete(id));
    for (const id of columns) {
      if (!this.cells.has(id)) this.cells.set(id, new Cell(id));
      const cell = this.cells.get(id);
      const kpi = kpis.get(id);
      if (kpi) cell.show(kpi, definitions[id], currencies);
      else cell.owner(row.subject.kind === "owner" ? (OF_OWNERS[id]?.(row.measures, definitions[id].currency) ?? null) : null, definitions[id], currencies);
      this.element.append(cell.element);
    }
  }
}

function named(subject) {
  if (subject.kind === "rep") return [h("a", { href: `#/rep/${encodeURIComponent(subject.id)}` }, nameOf(subject))];
  const label = subject.name ? t("unknown_owner", { id: subject.name }) : t("unowned");
  return [label, h("small", {}, subject.connection)];
}

// Other currencies than the tenant's: with a rate they are in the KPIs, and it is said at which; without one they are
// told apart and marked, never added.
export class Foreign {
  constructor() {
    this.converted = h("p", { class: "foreign" });
    this.apart = h("p", { class: "foreign apart" });
    this.element = h("div", {}, this.converted, this.apart);
  }

  show(progress) {
    const rates = new Map((progress.rates ?? []).map((one) => [one.currency, one]));
    const own = Object.values(progress.definitions).find((info) => info.currency)?.currency;
    const others = amounts(progress.measures.won.amounts, progress.currencies).filter(([, code]) => code !== own);
    const worth = others.filter(([, code]) => rates.get(code)?.rate);
    const list = (of) => of.map(([minor, code, exponent]) => money(minor, code, exponent)).join(", ");
    const at = worth.map(([, code]) => `1 ${code} = ${rates.get(code).rate} ${own} (${day(rates.get(code).since)})`);
    this.converted.hidden = worth.length === 0;
    this.converted.textContent = t("converted", { list: list(worth), rates: at.join(", ") });
    const rest = others.filter(([, code]) => !rates.get(code)?.rate);
    this.apart.hidden = rest.length === 0;
    this.apart.textContent = `△ ${t("foreign", { list: list(rest) })}`;
  }
}

export class TeamView {
  constructor() {
    this.cards = new Cards();
    this.foreign = new Foreign();
    this.lines = new Map();
    this.sort = { id: "help", down: true };
    this.heads = new Map();
    this.headRow = h("tr");
    this.body = h("tbody");
    this.empty = h("p", { class: "none" }, t("no_reps"));
    this.legend = h("p", { class: "legend" }, ...legend());
    this.table = h("table", { class: "table" }, h("thead", {}, this.headRow), this.body);
    this.panel = h("div", { class: "panel scroll" }, this.table);
    this.element = h("div", {}, this.cards.element, this.foreign.element, this.panel, this.legend, this.empty);
  }

  sortBy(id) {
    const down = this.sort.id === id ? !this.sort.down : id === "help";
    this.sort = { id, down };
    if (this.progress) this.show(this.progress);
  }

  show(progress) {
    this.progress = progress;
    const { currencies, definitions } = progress;
    const counted = progress.kpis.filter((kpi) => kpi.counts);
    this.cards.show(counted, definitions, currencies);
    this.foreign.show(progress);
    const columns = columnsOf(counted, progress.rows);
    this.drawHeads(columns, definitions);
    const rows = [...this.sorted(progress.rows), ...progress.unmapped_owners];
    this.place(rows);
    for (const row of rows) this.lines.get(row.subject.id).show(row, columns, definitions, currencies);
    this.empty.hidden = rows.length > 0;
    this.panel.hidden = this.legend.hidden = rows.length === 0;
  }

  drawHeads(columns, definitions) {
    const wanted = [["help", t("rep")], ...columns.map((id) => [id, kpiName(definitions[id], id)])];
    if (wanted.some(([id], i) => this.headRow.children[i]?.dataset.head !== id) || this.headRow.children.length !== wanted.length) {
      this.heads = new Map(wanted.map(([id]) => [id, this.head(id)]));
      this.headRow.replaceChildren(...this.heads.values());
    }
    for (const [id, label] of wanted) this.drawHead(id, label);
  }

  drawHead(id, label) {
    const cell = this.heads.get(id);
    const sorted = id === this.sort.id || (id === "help" && this.sort.id === "name");
    const [first] = cell.children;
    first.textContent = label;
    if (sorted) cell.setAttribute("aria-sort", this.sort.down ? "descending" : "ascending");
    else cell.removeAttribute("aria-sort");
    if (id === "help") cell.querySelector("small").textContent = t(this.sort.id === "help" ? "by_help" : this.sort.id === "name" ? "by_name" : "by_kpi");
  }

  // The first column sorts by who needs help, then by name.
  head(id) {
    const go = () => this.sortBy(id === "help" && this.sort.id === "help" ? "name" : id);
    const cell = h("th", { scope: "col", "data-head": id }, h("button", { type: "button", onclick: go }));
    if (id === "help") cell.append(h("small"));
    return cell;
  }

  sorted(rows) {
    const { id, down } = this.sort;
    const kpi = (row) => row.kpis.find((one) => one.id === id);
    const byName = (a, b) => nameOf(a.subject).localeCompare(nameOf(b.subject));
    const orders = {
      help: (a, b) => a.help - b.help || byName(b, a),
      name: byName,
      kpi: (a, b) => worth(kpi(a)) - worth(kpi(b)) || byName(a, b),
    };
    const order = orders[id] ?? orders.kpi;
    return [...rows].sort((a, b) => (down ? order(b, a) : order(a, b)));
  }

  // Lines keep their elements, so that focus stays and numbers move from what they were.
  place(rows) {
    const ids = new Set(rows.map((row) => row.subject.id));
    for (const [id, line] of this.lines) if (!ids.has(id)) (line.element.remove(), this.lines.delete(id));
    rows.forEach((row, i) => {
      if (!this.lines.has(row.subject.id)) this.lines.set(row.subject.id, new Line(row.subject));
      const { element } = this.lines.get(row.subject.id);
      if (this.body.children[i] !== element) this.body.insertBefore(element, this.body.children[i] ?? null);
    });
  }
}

// Ascending is "worst first": the part of what is expected, where there is one, else the urgency of the status.
function worth(kpi) {
  if (!kpi) return Number.POSITIVE_INFINITY;
  return kpi.pace?.of_expected ?? (kpi.target ? URGENCY.indexOf(kpi.status) : 1000 + (kpi.actual ?? 0));
}

// The whole's KPIs, then those that only some people have.
function columnsOf(counted, rows) {
  const ids = new Set(counted.map((kpi) => kpi.id));
  for (const row of rows) for (const kpi of row.kpis) ids.add(kpi.id);
  return [...ids];
}

const legend = () =>
  ["at_risk", "behind", "on_track", "ahead", "covered", "too_early", "not_started", "incomplete"].map((status) =>
    h("span", { class: "chip", "data-status": status }, h("span", { class: "shape", "aria-hidden": "true" }, shape(status)), t(`status_${status}`)),
  );

export const kindName = (kind) => (known(kind) ? t(kind) : kind);
