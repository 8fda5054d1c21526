// A rep: goals, the ramp, all other KPIs; activities by kind, stage entries, cycle time, and the pipeline by expected close.

import { Figure, h, width } from "./dom.js";
import { amounts, count, duration, money, month } from "./format.js";
import { Goals, Others } from "./goals.js";
import { Ramp } from "./ramp.js";
import { Foreign, kindName } from "./team.js";
import { asks } from "./why.js";
import { t, tn } from "./words.js";

// Labelled bars; entries are [key, label, value, format, note].
class Bars {
  constructor(title, measure) {
    this.measure = measure;
    this.list = h("div", { class: "bars" });
    this.none = h("p", { class: "none" }, t("nothing"));
    this.element = h("section", { class: "panel" }, h("h2", {}, title), this.list, this.none);
    this.held = new Map();
  }

  show(entries) {
    const most = Math.max(1, ...entries.map(([, , value]) => value));
    const keys = new Set(entries.map(([key]) => key));
    for (const [key, one] of this.held) if (!keys.has(key)) (one.parts.forEach((part) => part.remove()), this.held.delete(key));
    for (const [key, label, value, format, note] of entries) {
      const one = this.held.get(key) ?? this.add(key, label);
      one.figure.show(value, format);
      one.note.textContent = note ?? "";
      width(one.bar, value / most);
      this.list.append(...one.parts);
    }
    this.none.hidden = entries.length > 0;
  }

  add(key, label) {
    const [figure, bar, note] = [new Figure(), h("i"), h("small")];
    asks(figure.element, `measure:${this.measure}`);
    const parts = [h("span", {}, label), h("span", { class: "track", "aria-hidden": "true" }, bar), h("span", { class: "value" }, figure.element, note)];
    const one = { figure, bar, note, parts };
    this.held.set(key, one);
    return one;
  }
}

export class RepView {
  constructor() {
    this.goals = new Goals();
    this.ramp = new Ramp();
    this.others = new Others();
    this.foreign = new Foreign();
    this.kinds = new Bars(t("by_kind"), "activities");
    this.stages = new Bars(t("stage_entries"), "stage_entries");
    this.months = new Bars(t("by_close_month"), "open_qualified_pipeline");
    this.median = asks(h("p", { class: "figure" }), "measure:cycle_time");
    this.p90 = asks(h("p", { class: "figure" }), "measure:cycle_time");
    const pair = h(
      "div",
      { class: "pair" },
      h("div", {}, this.median, h("p", { class: "label" }, t("median"))),
      h("div", {}, this.p90, h("p", { class: "label" }, t("p90"))),
    );
    const cycle = h("section", { class: "panel", id: "cycle" }, h("h2", {}, t("cycle_time")), pair);
    const grid = h("div", { class: "grid" }, this.kinds.element, this.stages.element, this.months.element, cycle);
    this.element = h("div", {}, this.goals.element, this.foreign.element, this.ramp.element, this.others.element, grid);
  }

  show(progress) {
    const { measures: m, currencies, definitions, kpis } = progress;
    const counted = kpis.filter((kpi) => kpi.counts || kpi.target);
    this.goals.show(counted, definitions, currencies);
    this.others.show(kpis.filter((kpi) => !counted.includes(kpi)), definitions, currencies);
    this.foreign.show(progress);
    this.ramp.show(progress.ramp, definitions, currencies);
    const falling = (a, b) => b[1] - a[1];
    this.kinds.show(Object.entries(m.activities).sort(falling).map(([kind, n]) => [kind, kindName(kind), n, count]));
    this.stages.show(Object.entries(m.stage_entries).sort(falling).map(([stage, n]) => [stage, stage, n, count]));
    this.months.show(this.byMonth(m.open_qualified_pipeline.by_close_month, currencies));
    this.median.textContent = duration(m.cycle_time.median_s);
    this.p90.textContent = duration(m.cycle_time.p90_s);
  }

  byMonth(months, currencies) {
    return Object.entries(months)
      .sort(([a], [b]) => a.localeCompare(b))
      .flatMap(([when, held]) =>
        amounts(held.amounts, currencies).map(([minor, currency, exponent]) => [
          `${when} ${currency}`,
          month(when),
          minor,
          (n) => money(Math.round(n), currency, exponent),
          tn("deals", held.count),
        ]),
      );
  }
}
