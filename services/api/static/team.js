// A team: cards of the whole, and a table of reps by KPIs.

import { Figure, h, width } from "./dom.js";
import { amounts, count, money } from "./format.js";
import { known, nameOf, t, tn } from "./words.js";

const size = (money, currencies) => amounts(money.amounts, currencies).reduce((all, [minor, , exponent]) => all + minor / 10 ** exponent, 0);

// value: what sorting and the meter compare. fill: what the cell shows.
export const KPIS = [
  { id: "activities", kind: "count", of: (m) => m.activities_total },
  { id: "new_customer_visits", kind: "count", of: (m) => m.new_customer_visits },
  { id: "deals_created", kind: "count", of: (m) => m.deals_created },
  { id: "pipeline_built", kind: "money", of: (m) => m.pipeline_built },
  { id: "won", kind: "money", of: (m) => m.won },
  { id: "open_qualified_pipeline", kind: "money", of: (m) => m.open_qualified_pipeline },
];

const value = (kpi, measures, currencies) => (kpi.kind === "count" ? kpi.of(measures) : size(kpi.of(measures), currencies));

// One KPI in its place, with a figure per currency.
export class Kpi {
  constructor(kpi) {
    this.kpi = kpi;
    this.main = h("span", { class: "figures" });
    this.note = h("small");
    this.counted = new Figure();
    this.note.append(this.counted.element);
    this.figures = new Map();
  }

  show(measures, currencies) {
    if (this.kpi.kind === "count") {
      this.figure("").show(this.kpi.of(measures), count);
      return;
    }
    const held = this.kpi.of(measures);
    const main = Object.keys(currencies)[0] ?? "USD";
    const shown = amounts(held.amounts, currencies);
    if (!shown.length) shown.push([0, main, currencies[main]?.exponent ?? 2]);
    for (const [currency, figure] of this.figures) if (!shown.some(([, code]) => code === currency)) this.drop(currency, figure);
    for (const [minor, currency, exponent] of shown) {
      this.figure(currency).show(minor, (n) => money(Math.round(n), currency, exponent));
      this.figure(currency).element.title = money(minor, currency, exponent, true);
    }
    this.counted.show(held.count, (n) => tn("deals", Math.round(n), count(n)));
  }

  figure(currency) {
    if (!this.figures.has(currency)) {
      const figure = new Figure();
      this.figures.set(currency, figure);
      this.main.append(h("div", {}, figure.element));
    }
    return this.figures.get(currency);
  }

  drop(currency, figure) {
    figure.element.parentElement.remove();
    this.figures.delete(currency);
  }
}

export class Cards {
  constructor(kpis = KPIS) {
    this.kpis = kpis.map((kpi) => new Kpi(kpi));
    this.element = h(
      "div",
      { class: kpis.length > KPIS.length ? "cards many" : "cards" },
      ...this.kpis.map((one) =>
        h(
          "div",
          { class: "card", "data-kpi": one.kpi.id },
          h("p", { class: "label" }, t(one.kpi.id)),
          h("div", { class: "figure" }, one.main),
          one.kpi.kind === "money" ? h("p", { class: "note" }, one.note) : h("p", { class: "note" }),
        ),
      ),
    );
  }

  show(measures, currencies) {
    for (const one of this.kpis) one.show(measures, currencies);
  }
}

class Line {
  constructor(subject) {
    this.kpis = KPIS.map((kpi) => new Kpi(kpi));
    this.meters = KPIS.map(() => h("i"));
    this.element = h("tr", { "data-id": subject.id, class: subject.kind === "rep" ? null : "nobody" }, h("th", { scope: "row" }, ...named(subject)));
    this.kpis.forEach((one, i) => {
      const cell = h("td", { "data-label": t(one.kpi.id), "data-kpi": one.kpi.id }, one.main);
      if (one.kpi.kind === "money") cell.append(one.note);
      cell.append(h("span", { class: "meter", "aria-hidden": "true" }, this.meters[i]));
      this.element.append(cell);
    });
  }

  show(row, currencies, most) {
    this.kpis.forEach((one, i) => {
      one.show(row.measures, currencies);
      const own = value(one.kpi, row.measures, currencies);
      one.main.classList.toggle("zero", !own);
      width(this.meters[i], most[i] ? own / most[i] : 0);
    });
  }
}

function named(subject) {
  if (subject.kind === "rep") return [h("a", { href: `#/rep/${encodeURIComponent(subject.id)}` }, nameOf(subject))];
  const label = subject.name ? t("unknown_owner", { id: subject.name }) : t("unowned");
  return [label, h("small", {}, subject.connection)];
}

export class TeamView {
  constructor() {
    this.cards = new Cards();
    this.lines = new Map();
    this.sort = { id: "name", down: false };
    this.heads = new Map();
    this.body = h("tbody");
    this.empty = h("p", { class: "none" }, t("no_reps"));
    this.table = h("table", { class: "table" }, h("thead", {}, h("tr", {}, this.head("name", t("rep")), ...KPIS.map((kpi) => this.head(kpi.id, t(kpi.id))))), this.body);
    this.element = h("div", {}, this.cards.element, h("div", { class: "panel" }, this.table), this.empty);
  }

  head(id, label) {
    const cell = h("th", { scope: "col" }, h("button", { type: "button", onclick: () => this.sortBy(id) }, label));
    this.heads.set(id, cell);
    return cell;
  }

  sortBy(id) {
    this.sort = { id, down: this.sort.id === id ? !this.sort.down : id !== "name" };
    if (this.progress) this.show(this.progress);
  }

  show(progress) {
    this.progress = progress;
    const { currencies } = progress;
    this.cards.show(progress.measures, currencies);
    const rows = [...this.sorted(progress.rows, currencies), ...progress.unmapped_owners];
    const most = KPIS.map((kpi) => Math.max(0, ...rows.map((row) => value(kpi, row.measures, currencies))));
    this.place(rows);
    for (const row of rows) this.lines.get(row.subject.id).show(row, currencies, most);
    this.empty.hidden = rows.length > 0;
    this.table.parentElement.hidden = rows.length === 0;
    for (const [id, cell] of this.heads) {
      if (id === this.sort.id) cell.setAttribute("aria-sort", this.sort.down ? "descending" : "ascending");
      else cell.removeAttribute("aria-sort");
    }
  }

  sorted(rows, currencies) {
    const kpi = KPIS.find((one) => one.id === this.sort.id);
    const order = kpi
      ? (a, b) => value(kpi, a.measures, currencies) - value(kpi, b.measures, currencies)
      : (a, b) => nameOf(a.subject).localeCompare(nameOf(b.subject));
    return [...rows].sort((a, b) => (this.sort.down ? order(b, a) : order(a, b)));
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

export const kindName = (kind) => (known(kind) ? t(kind) : kind);
