// Why a number is what it is: a drawer that every number opens, with formula, target, pace, and the facts behind it.

import { h } from "./dom.js";
import { bounds, count, day, money } from "./format.js";
import { days, kpiName, moment, percent, said } from "./kpi.js";
import { known, nameOf, t, tn } from "./words.js";

const CURRENCY = /^[A-Z]{3}$/;

// Marks an element as a number that can be asked about; `what` is `kpi:<id>` or `measure:<id>`.
export function asks(element, what, of = null) {
  element.dataset.why = what;
  if (of) element.dataset.of = of;
  element.setAttribute("role", "button");
  element.setAttribute("tabindex", "0");
  element.setAttribute("aria-haspopup", "dialog");
  return element;
}

export class Why {
  // `fetched(path)` answers JSON; `where(of)` says whose number it is and of which period; `nameOfRep(id)` a name.
  constructor(fetched, where, nameOfRep) {
    this.fetched = fetched;
    this.where = where;
    this.nameOfRep = nameOfRep;
    this.body = h("div", { class: "why-body" });
    this.title = h("h2", { id: "why-title" });
    this.close = h("button", { type: "button", class: "quiet", onclick: () => this.dialog.close() }, "✕");
    this.dialog = h("dialog", { class: "why-drawer", "aria-labelledby": "why-title" }, h("header", {}, this.title, this.close), this.body);
    this.dialog.addEventListener("click", (event) => event.target === this.dialog && this.dialog.close());
    document.body.append(this.dialog);
    document.addEventListener("click", (event) => this.heard(event));
    document.addEventListener("keydown", (event) => (event.key === "Enter" || event.key === " ") && this.heard(event));
  }

  heard(event) {
    const number = event.target.closest?.("[data-why]");
    if (!number) return;
    event.preventDefault();
    this.open(number);
  }

  open(number) {
    const [kind, id] = number.dataset.why.split(/:(.*)/s);
    const query = { ...this.where(number.closest("[data-of]")?.dataset.of), [kind]: id };
    this.close.setAttribute("aria-label", t("close"));
    this.title.textContent = t("why");
    this.body.replaceChildren(h("p", { class: "none" }, t("connecting")));
    if (!this.dialog.open) this.dialog.showModal();
    this.ask(query);
  }

  async ask(query, after = "") {
    const path = `/v1/explain?${new URLSearchParams(after ? { ...query, after } : query)}`;
    this.query = query;
    try {
      const found = await this.fetched(path);
      if (this.query !== query) return;
      if (after) this.more(found);
      else this.show(found);
    } catch (error) {
      this.body.replaceChildren(h("p", { class: "none" }, error.detail ?? t("ask_away")));
    }
  }

  show(found) {
    const { kpi, definition } = found;
    const currencies = {};
    const say = (value) => said(kpi.id, definition, value, currencies, true);
    this.title.textContent = kpi ? `${kpiName(definition, kpi.id)}: ${say(kpi.actual)}` : t("why");
    this.evidence = h("tbody");
    this.next = h("button", { type: "button", class: "quiet", onclick: () => this.ask(this.query, this.after) }, t("why_more"));
    const parts = [
      h("p", { class: "bounds" }, `${nameOf(found.subject)} · ${bounds(found)}`),
      kpi && this.meaning(definition),
      kpi && this.pieces(found, currencies),
      kpi?.target && this.target(kpi, say),
      kpi?.pace && kpi.kind === "flow" && kpi.target && this.pace(kpi, say),
      this.sums(found),
      h("h3", {}, t(found.by === "facts" ? "why_facts" : "why_entities")),
      h("div", { class: "scroll" }, h("table", { class: "facts" }, this.evidence)),
      this.next,
      found.left_out.length ? this.missing(found.left_out) : null,
    ];
    this.body.replaceChildren(...parts.filter(Boolean));
    this.more(found);
  }

  more(found) {
    const name = this.nameOfRep;
    const rows = found.by === "facts" ? found.facts.map((one) => factRow(one, name)) : found.entities.map((one) => entityRow(one, name));
    this.evidence.append(...rows);
    if (!this.evidence.children.length) this.evidence.append(h("tr", {}, h("td", { class: "none" }, t("nothing"))));
    this.after = found.next;
    this.next.hidden = found.next === null;
  }

  meaning(definition) {
    const zh = document.documentElement.lang.startsWith("zh");
    const formula = h("code", {}, definition.formula);
    return h("section", {}, h("p", {}, zh ? definition.says_zh : definition.says), h("p", {}, formula, h("small", {}, ` ${t("why_version", { n: definition.version })}`)));
  }

  pieces(found, currencies) {
    if (!found.rests_on.length) return null;
    const rows = found.rests_on.flatMap((one) => {
      const info = found.definitions[one.id];
      return [h("dt", {}, kpiName(info, one.id)), h("dd", {}, said(one.id, info, one.actual, currencies, true))];
    });
    return h("section", {}, h("h3", {}, t("why_rests_on")), h("dl", { class: "lines" }, ...rows));
  }

  target(kpi, say) {
    const { target } = kpi;
    const lines = [h("dt", {}, t("why_target")), h("dd", {}, `${say(target.base)} · ${t("why_version", { n: target.version })}`)];
    if (target.full !== target.base) lines.push(h("dt", {}, t("why_full")), h("dd", {}, say(target.full)));
    const because = (target.because ?? []).map(reason);
    return h("section", {}, h("dl", { class: "lines" }, ...lines), because.length ? h("p", { class: "why" }, because.join(" · ")) : "");
  }

  pace({ pace }, say) {
    const lines = [
      [t("why_elapsed"), t("why_of", { part: days(pace.elapsed_workdays), whole: days(pace.total_workdays) })],
      [t("expected_now"), say(pace.expected)],
      [t("pace"), pace.of_expected === null ? "–" : percent(pace.of_expected)],
    ];
    return h("section", {}, h("dl", { class: "lines" }, ...lines.flatMap(([word, value]) => [h("dt", {}, word), h("dd", {}, value)])));
  }

  sums({ measures, reconciled, ledger }) {
    const state = reconciled ? "why_reconciled" : reconciled === null ? `why_ledger_${ledger.state}` : "why_behind";
    const lines = [...summed(measures)].flatMap(([measure, total]) => [h("dt", {}, measureName(measure)), h("dd", {}, amount(measure, total))]);
    const mark = h("p", { class: "reconciled", "data-reconciled": String(reconciled) }, `${reconciled ? "✓" : "◌"} ${t(state)}`);
    return h("section", {}, h("h3", {}, t("why_sums")), h("dl", { class: "lines" }, ...lines), mark);
  }

  missing(left) {
    const lines = left.map(({ reason: code, count: n, says }) => h("li", {}, known(`gap_${code}`) ? tn(`gap_${code}`, n, count(n)) : `${says}: ${count(n)}`));
    return h("section", {}, h("h3", {}, t("why_left_out")), h("ul", {}, ...lines));
  }
}

// Two lines a row, so that it fits a phone: what and when, by how much and of which measure.
function row(one, when, size, name) {
  const who = [when, one.rep && name(one.rep)].filter(Boolean).join(" · ");
  return h("tr", {}, h("td", {}, record(one), h("small", {}, who)), h("td", { class: "n" }, size, h("small", {}, measureName(one.measure))));
}

function factRow(fact, name) {
  const late = fact.known_at - fact.at > 86_400_000 ? ` (${t("why_known", { time: moment(fact.known_at) })})` : "";
  return row(fact, moment(fact.at) + late, signed(fact.measure, fact.delta), name);
}

const entityRow = (one, name) => row(one, "", amount(one.measure, one.amount), name);

function record({ kind, record: id, link }) {
  const name = `${t(`why_${kind}`)} ${id}`;
  return link ? h("a", { href: link, target: "_blank", rel: "noopener noreferrer" }, name) : h("span", {}, name);
}

function reason({ kind, first, last, days: off, of, per_cent: part }) {
  const word = kind === "ramp" && part === null ? "why_ramp_amount" : `why_${kind}`;
  return t(word, { first: day(first), last: day(last), days: off, of, part: part === null ? "" : percent(part / 100) });
}

const currencyOf = (measure) => measure.split(":").find((part) => CURRENCY.test(part));

function amount(measure, value) {
  const currency = currencyOf(measure);
  return currency ? money(value, currency, 2, true) : count(value);
}

// A level's sums lie by the day on which the deals are expected to close; here they are added up.
function summed(measures) {
  const total = new Map();
  for (const { measure, amount: n } of measures) {
    const whole = measure.replace(/:(\d{8}|-)$/, "");
    total.set(whole, (total.get(whole) ?? 0) + n);
  }
  return total;
}

const signed = (measure, value) => (value > 0 ? `+${amount(measure, value)}` : amount(measure, value));

// "won:USD" is the amount won, "open_n:20170428" a deal expected to close on that day.
function measureName(measure) {
  const [family, ...rest] = measure.split(":");
  const name = known(`m_${family}`) ? t(`m_${family}`) : family;
  const details = rest.filter((part) => !CURRENCY.test(part)).map((part) => (/^\d{8}$/.test(part) ? day(`${part.slice(0, 4)}-${part.slice(4, 6)}-${part.slice(6)}`) : part === "-" ? t("unknown_month") : known(part) ? t(part) : part));
  return details.length ? `${name} (${details.join(", ")})` : name;
}
