// A new rep's way to full productivity: this month's goals, the staircase, and the gates.

import { h } from "./dom.js";
import { day } from "./format.js";
import { kpiName, percent, said } from "./kpi.js";
import { nameOf, t, tn } from "./words.js";

const GATES = { ahead: "○", reached: "✓", missed: "◆" };

export class Ramp {
  constructor() {
    this.title = h("h2");
    this.intro = h("p", { class: "intro" });
    this.stairs = h("ol", { class: "stairs" });
    this.goals = h("dl", { class: "others" });
    this.gates = h("ul", { class: "gates" });
    this.element = h("section", { class: "panel ramp", id: "ramp" }, this.title, this.intro, this.goals, this.stairs, this.gates);
  }

  show(ramp, definitions, currencies) {
    this.element.hidden = !ramp;
    if (!ramp) return;
    const say = (id, value) => (definitions[id] ? said(id, definitions[id], value, currencies) : String(value));
    this.title.textContent = t("ramp_title", { name: nameOf(ramp) });
    this.intro.textContent = t("ramp_intro", { month: ramp.month, hired: day(ramp.hired), full: day(ramp.full_from) });
    this.goals.replaceChildren(...Object.entries(ramp.goals).flatMap(([id, goal]) => [h("dt", {}, kpiName(definitions[id], id)), h("dd", { "data-goal": id }, say(id, goal))]));
    this.stairs.replaceChildren(...ramp.steps.map((step) => stair(step, definitions, say)));
    this.gates.hidden = ramp.gates.length === 0;
    this.gates.replaceChildren(...ramp.gates.map((gate) => gateLine(gate, definitions, say)));
  }
}

function stair(step, definitions, say) {
  const parts = Object.entries(step.percent);
  const height = parts.length ? parts.reduce((sum, [, part]) => sum + part, 0) / parts.length : 100;
  const lines = parts.map(([id, part]) =>
    h("li", {}, h("span", {}, kpiName(definitions[id], id)), h("b", {}, percent(part / 100)), step.targets[id] === undefined ? null : h("small", {}, say(id, step.targets[id]))),
  );
  const own = Object.entries(step.targets).filter(([id]) => step.percent[id] === undefined);
  lines.push(...own.map(([id, goal]) => h("li", {}, h("span", {}, kpiName(definitions[id], id)), h("b", {}, say(id, goal)))));
  const bar = h("span", { class: "riser", "aria-hidden": "true" });
  bar.style.setProperty("height", `${8 + Math.min(100, height) * 0.72}px`);
  const span = step.last ? t("from_to", { first: day(step.first), last: day(step.last) }) : t("from_on", { first: day(step.first) });
  return h("li", { class: "stair", "aria-current": step.current ? "step" : null }, bar, h("b", {}, tn("ramp_month", step.month)), h("small", {}, span), h("ul", {}, ...lines));
}

function gateLine(gate, definitions, say) {
  const goal = t("gate", { month: gate.month, kpi: kpiName(definitions[gate.kpi], gate.kpi), goal: say(gate.kpi, gate.at_least), by: day(gate.by) });
  return h("li", { "data-state": gate.state }, h("span", { class: "shape", "aria-hidden": "true" }, GATES[gate.state]), `${goal} · ${t(`gate_${gate.state}`)}`, gate.actual === null ? null : h("small", {}, say(gate.kpi, gate.actual)));
}
