// One KPI as people read it: its value by unit, its status by word and shape, and a bar with the mark where it should be by now.

import { h } from "./dom.js";
import { count, duration, money } from "./format.js";
import { locale, nameOf, t, tn } from "./words.js";

const SHAPES = {
  incomplete: "◌",
  no_target: "–",
  not_started: "○",
  too_early: "◔",
  covered: "✓",
  ahead: "▲",
  on_track: "●",
  behind: "▼",
  at_risk: "◆",
};

// Coverage is said as a multiple, every other ratio in per cent.
const MULTIPLES = new Set(["coverage", "coverage_of_gap"]);

const number = (value, digits) => new Intl.NumberFormat(locale(), { maximumFractionDigits: digits }).format(value);

export const percent = (part, digits = 0) =>
  new Intl.NumberFormat(locale(), { style: "percent", maximumFractionDigits: digits }).format(part);

function exponentOf(code, currencies) {
  if (currencies[code]) return currencies[code].exponent;
  try {
    return new Intl.NumberFormat("en", { style: "currency", currency: code }).resolvedOptions().maximumFractionDigits;
  } catch {
    return 2;
  }
}

// The words for a value of a KPI; `info` is its definition in the answer.
export function said(id, info, value, currencies, exact = false) {
  if (value === null || value === undefined) return "–";
  if (info.unit === "money") return money(exact ? value : Math.round(value), info.currency, exponentOf(info.currency, currencies), exact);
  if (info.unit === "duration") return duration(value);
  if (info.unit === "ratio") return MULTIPLES.has(id) ? `${number(value, 1)}×` : percent(value, 1);
  // One visit in 54 workdays is 0.02 a day, not 0.
  return Number.isInteger(value) ? count(value) : number(value, Math.abs(value) < 1 ? 2 : 1);
}

// Of moving figures only whole numbers are shown on the way.
export const telling = (id, info, currencies) => (value) =>
  said(id, info, info.unit === "count" ? Math.round(value) : value, currencies);

export const kpiName = (info, id) => (info ? nameOf(info) : id);

// Shape and word; colour repeats what they say.
export function chip(kpi) {
  const element = h("span", { class: "chip" });
  showChip(element, kpi);
  return element;
}

export function showChip(element, kpi) {
  element.dataset.status = kpi.status;
  element.replaceChildren(h("span", { class: "shape", "aria-hidden": "true" }, SHAPES[kpi.status] ?? ""), t(`status_${kpi.status}`));
  element.title = kpi.status === "incomplete" && kpi.incomplete_since ? t("since", { time: moment(kpi.incomplete_since) }) : "";
}

export const shape = (status) => SHAPES[status] ?? "";

export const moment = (instant) =>
  new Intl.DateTimeFormat(locale(), { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" }).format(instant);

export const days = (n) => tn("workdays", n, number(n, 1));

// The track ends at the greatest of target, stretch and actual; the mark is what is expected by now.
export class Gauge {
  constructor() {
    this.fill = h("i", { class: "fill" });
    this.mark = h("i", { class: "mark" });
    this.goal = h("i", { class: "goal-line" });
    this.element = h("span", { class: "gauge", "aria-hidden": "true" }, this.fill, this.goal, this.mark);
  }

  show(kpi) {
    const { target, actual, pace } = kpi;
    this.element.hidden = !target || actual === null;
    if (this.element.hidden) return;
    const most = Math.max(target.base, target.stretch ?? 0, actual, 1e-9);
    const place = (value) => `${(100 * Math.max(0, Math.min(1, value / most))).toFixed(1)}%`;
    const flows = kpi.kind === "flow";
    this.element.dataset.status = kpi.status;
    this.fill.style.width = place(actual);
    this.goal.hidden = most <= target.base;
    this.goal.style.left = place(target.base);
    this.mark.hidden = !flows || pace?.expected == null || pace.expected >= target.base;
    this.mark.style.left = place(pace?.expected ?? 0);
  }
}

// "42 % of target, expected 55": what a screen reader says in place of the bar.
export function inWords(id, info, kpi, currencies) {
  const parts = [kpiName(info, id), said(id, info, kpi.actual, currencies)];
  if (kpi.target) parts.push(t("of_target", { target: said(id, info, kpi.target.base, currencies) }));
  if (kpi.pace?.expected != null && kpi.kind === "flow") parts.push(t("expected_is", { expected: said(id, info, kpi.pace.expected, currencies) }));
  parts.push(t(`status_${kpi.status}`));
  return parts.join(", ");
}
