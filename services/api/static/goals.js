// A rep's goals: for each KPI that counts actual, target, what is expected by now, pace, and what is needed per remaining workday.

import { Figure, h } from "./dom.js";
import { day } from "./format.js";
import { Gauge, chip, days, inWords, kpiName, percent, said, showChip, telling } from "./kpi.js";
import { asks } from "./why.js";
import { t, tn } from "./words.js";

const CURVES = ["linear", "workday", "historical"];

class Goal {
  constructor(id) {
    this.id = id;
    this.label = h("h3");
    this.chip = chip({ status: "no_target" });
    this.actual = new Figure();
    asks(this.actual.element, `kpi:${id}`);
    this.target = h("span", { class: "of" });
    this.gauge = new Gauge();
    this.spoken = h("p", { class: "spoken" });
    this.lines = h("dl", { class: "lines" });
    this.why = h("p", { class: "why" });
    this.more = h("details", {}, h("summary", {}, t("more_pace")), (this.curves = h("div", { class: "scroll" })), (this.about = h("p", { class: "about" })));
    this.element = h(
      "article",
      { class: "goal", "data-kpi": id },
      h("header", {}, this.label, this.chip),
      h("p", { class: "figure" }, this.actual.element, this.target),
      this.gauge.element,
      this.spoken,
      this.lines,
      this.why,
      this.more,
    );
  }

  show(kpi, info, currencies) {
    const say = (value) => said(this.id, info, value, currencies);
    this.label.textContent = kpiName(info, this.id);
    showChip(this.chip, kpi);
    if (kpi.actual === null) this.actual.show(0, () => "–");
    else this.actual.show(kpi.actual, telling(this.id, info, currencies));
    this.actual.element.title = say(kpi.actual);
    this.target.textContent = kpi.target ? ` ${t("of_target", { target: say(kpi.target.base) })}` : "";
    this.gauge.show(kpi);
    this.spoken.textContent = inWords(this.id, info, kpi, currencies);
    this.lines.replaceChildren(...this.facts(kpi, say));
    this.why.replaceChildren(...whys(kpi, say).map((text) => h("span", {}, text)));
    this.more.hidden = !kpi.pace || kpi.kind !== "flow" || !kpi.target;
    if (!this.more.hidden) this.curves.replaceChildren(curveTable(kpi.pace, say));
    this.about.textContent = [meaning(info), likes(kpi.pace)].filter(Boolean).join(" ");
  }

  facts(kpi, say) {
    const { pace, target } = kpi;
    const facts = [];
    const add = (word, value, id) => facts.push(h("dt", {}, t(word)), h("dd", { "data-fact": id ?? word }, value));
    if (target && pace && kpi.kind === "flow") {
      add("expected_now", say(pace.expected));
      if (pace.of_expected !== null) add("pace", percent(pace.of_expected));
      if (pace.required_per_workday > 0) add("needed", t("per_workday", { n: say(pace.required_per_workday), days: days(pace.remaining_workdays) }));
      if (pace.projection !== null) add("projection", say(pace.projection));
    } else if (target && pace?.of_expected != null) {
      add("of_goal", percent(pace.of_expected));
    }
    if (pace?.probability != null && pace.interval) {
      add("probability", t("probable", { p: percent(pace.probability), low: say(pace.interval[0]), high: say(pace.interval[1]) }));
    }
    if (target?.stretch != null) add("stretch", say(target.stretch));
    if (target?.commit != null) add("commit", say(target.commit));
    if (kpi.allocated && kpi.allocated.difference) add(kpi.allocated.difference > 0 ? "unallocated" : "overallocated", say(Math.abs(kpi.allocated.difference)));
    if (kpi.overlay) add("overlay", say(kpi.overlay));
    return facts;
  }
}

// Why the target is what it is, why there is no value, and where status and chance disagree.
function whys(kpi, say) {
  const lines = [];
  if (kpi.reason) lines.push(t(`reason_${kpi.reason}`));
  const because = (kpi.target?.because ?? []).map(reason);
  if (because.length) lines.push(t("because", { full: say(kpi.target.full), why: because.join(" · ") }));
  if (kpi.other_currencies?.length) lines.push(t("without_currencies", { list: kpi.other_currencies.join(", ") }));
  if (kpi.pace?.caution) lines.push(t(kpi.pace.caution));
  return lines;
}

function reason({ kind, first, last, days: off, of, per_cent: part }) {
  const word = kind === "ramp" && part === null ? "why_ramp_amount" : `why_${kind}`;
  return t(word, { first: day(first), last: day(last), days: off, of, part: part === null ? "" : percent(part / 100) });
}

const meaning = (info) => (document.documentElement.lang.startsWith("zh") ? info?.says_zh : info?.says);

// The historical curve is the median of so many like periods, or there are too few of them.
function likes(pace) {
  const n = Number(/\d+/.exec(pace?.historical_note ?? "")?.[0] ?? Number.NaN);
  return Number.isNaN(n) ? "" : t(pace.historical ? "likes_median" : "likes_few", { n });
}

function curveTable(pace, say) {
  const row = (name) => {
    const curve = pace[name];
    const cells = curve ? [say(curve.expected), curve.of_expected === null ? "–" : percent(curve.of_expected), say(curve.projection)] : ["–", "–", "–"];
    return h("tr", { class: name === pace.basis ? "basis" : null }, h("th", { scope: "row" }, t(`curve_${name}`)), ...cells.map((text) => h("td", {}, text)));
  };
  const heads = ["curve", "expected_now", "pace", "projection"].map((word) => h("th", { scope: "col" }, t(word)));
  return h("table", { class: "curves" }, h("thead", {}, h("tr", {}, ...heads)), h("tbody", {}, ...CURVES.map(row)));
}

export class Goals {
  constructor() {
    this.held = new Map();
    this.none = h("p", { class: "none" }, t("no_goals"));
    this.element = h("div", { class: "goals" }, this.none);
  }

  show(kpis, definitions, currencies) {
    const ids = new Set(kpis.map((kpi) => kpi.id));
    for (const [id, goal] of this.held) if (!ids.has(id)) (goal.element.remove(), this.held.delete(id));
    for (const kpi of kpis) {
      if (!this.held.has(kpi.id)) this.held.set(kpi.id, new Goal(kpi.id));
      const goal = this.held.get(kpi.id);
      goal.show(kpi, definitions[kpi.id], currencies);
      this.element.append(goal.element);
    }
    this.none.hidden = kpis.length > 0;
  }
}

// All other KPIs: name and value, what they mean on asking.
export class Others {
  constructor() {
    this.list = h("dl", { class: "others" });
    this.element = h("details", { class: "panel more" }, h("summary", {}, (this.title = h("span"))), this.list);
  }

  show(kpis, definitions, currencies) {
    this.element.hidden = kpis.length === 0;
    this.title.textContent = tn("other_kpis", kpis.length);
    this.list.replaceChildren(
      ...kpis.flatMap((kpi) => {
        const info = definitions[kpi.id];
        return [h("dt", { title: meaning(info) }, kpiName(info, kpi.id)), h("dd", { "data-kpi": kpi.id }, asks(h("span", {}, said(kpi.id, info, kpi.actual, currencies)), `kpi:${kpi.id}`))];
      }),
    );
  }
}
