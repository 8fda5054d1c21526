// Pipeline and forecast of whoever is shown: coverage, what the period will end at, why the pipeline changed, which deals
// can be closed and what they need. It is asked for when it is opened, and again every minute while it is open.

import { h } from "./dom.js";
import { count, day, duration, money } from "./format.js";
import { percent } from "./kpi.js";
import { known, t, tn } from "./words.js";

const AGAIN_MS = 60_000;
const METHODS = ["seasonal", "run_rate", "weighted", "conversion_curve", "commit", "best_case"];

export class Pipeline {
  // `fetched(path)` answers JSON, `posted(path, body)` too; `where()` says whose it is and of which period.
  constructor(fetched, posted, where, nameOfRep) {
    Object.assign(this, { fetched, posted, where, nameOfRep });
    this.body = h("div", { class: "pipeline" });
    this.element = h("details", { class: "panel more", id: "pipeline" }, h("summary", {}, t("pipeline_title")), this.body);
    this.element.addEventListener("toggle", () => this.element.open && this.load());
    this.timer = setInterval(() => this.element.isConnected && this.element.open && !document.hidden && this.load(), AGAIN_MS);
  }

  stop() {
    clearInterval(this.timer);
  }

  async load() {
    const query = new URLSearchParams(this.where());
    if (!this.body.children.length) this.body.append(h("p", { class: "none" }, t("connecting")));
    try {
      const [pipeline, forecast, waterfall, funnel] = await Promise.all(["pipeline", "forecast", "waterfall", "funnel"].map((name) => this.fetched(`/v1/${name}?${query}`)));
      this.show(pipeline, forecast, waterfall, funnel);
    } catch (error) {
      this.body.replaceChildren(h("p", { class: "none" }, error.detail ?? t("ask_away")));
    }
  }

  show(pipeline, forecast, waterfall, funnel) {
    const say = (minor) => (minor === null ? "–" : money(minor, pipeline.currency, 2));
    this.body.replaceChildren(
      section("coverage_title", coverage(pipeline.coverage, say)),
      section("forecast_title", forecasts(forecast, say)),
      section("waterfall_title", drawn(waterfall, say)),
      section("funnel_title", stages(funnel)),
      ...["closable", "overdue", "stale"].map((name) => this.deals(name, pipeline[name], say)),
    );
  }

  deals(name, list, say) {
    const title = h("h3", {}, `${t(`deals_${name}`)} · ${count(list.total)} · ${say(list.worth)}`);
    const rows = list.items.map((deal) => this.deal(deal, say));
    const apart = Object.entries(list.apart).map(([code, minor]) => money(minor, code, 2));
    return h("section", { "data-list": name }, title, rows.length ? h("ul", { class: "deals" }, ...rows) : h("p", { class: "none" }, t("nothing")), apart.length ? h("p", { class: "foreign apart" }, `△ ${t("foreign", { list: apart.join(", ") })}`) : "");
  }

  deal(deal, say) {
    const name = deal.name || `${t("why_deal")} ${deal.record}`;
    const title = deal.link ? h("a", { href: deal.link, target: "_blank", rel: "noopener noreferrer" }, name) : h("strong", {}, name);
    const worth = deal.worth === null ? (deal.amount === null ? t("need_amount") : money(deal.amount, deal.currency, 2)) : say(deal.worth);
    const about = [deal.rep && this.nameOfRep(deal.rep), deal.stage, deal.close_on && t("closes_on", { day: day(deal.close_on) }), t("chance", { p: percent(deal.chance) })];
    const needs = deal.needs.map((need) => h("span", { class: "need" }, t(`need_${need}`)));
    const ask = h("button", { type: "button", class: "quiet help", disabled: deal.help ? "" : null, onclick: () => this.call(deal, ask) }, t(deal.help ? "help_asked" : "help_ask"));
    return h("li", { "data-deal": deal.deal }, h("div", {}, title, h("small", {}, about.filter(Boolean).join(" · ")), h("p", { class: "needs" }, ...needs)), h("div", { class: "n" }, worth, ask));
  }

  async call(deal, button) {
    const text = prompt(t("help_what", { deal: deal.name || deal.record }));
    if (!text) return;
    await this.posted(`/v1/deals/${encodeURIComponent(deal.deal)}/help`, { text });
    button.textContent = t("help_asked");
    button.disabled = true;
  }
}

const section = (word, ...content) => h("section", {}, h("h3", {}, t(word)), ...content);

function list(pairs) {
  return h("dl", { class: "lines" }, ...pairs.flatMap(([word, value]) => [h("dt", {}, word), h("dd", {}, value)]));
}

const multiple = (value) => (value === null ? "–" : `${value.toFixed(1)}×`);

function coverage(one, say) {
  const lines = [
    [t("coverage_open"), say(one.qualified)],
    [t("coverage_target"), multiple(one.of_target)],
    [t("coverage_rest"), one.covered ? t("status_covered") : multiple(one.of_rest)],
    [t("coverage_required"), one.required === null ? t("coverage_unknown") : t("coverage_by", { n: multiple(one.required), p: percent(one.win_rate) })],
  ];
  if (one.gap !== null) lines.push([t("coverage_gap"), say(one.gap)]);
  if (one.gap) lines.push([t("coverage_create"), one.create_per_week === null ? t("coverage_late") : t("per_week", { n: say(one.create_per_week) })]);
  return list(lines);
}

function forecasts(found, say) {
  const row = (id) => {
    const method = found.methods.find((one) => one.id === id);
    const value = method?.value ?? null;
    const part = value === null || !found.target ? "–" : percent(value / found.target);
    return h("tr", { class: id === found.default ? "basis" : null }, h("th", { scope: "row" }, t(`method_${id}`)), h("td", {}, say(value)), h("td", {}, part));
  };
  const heads = ["method", "ends_at", "of_goal"].map((word) => h("th", { scope: "col" }, t(word)));
  const table = h("div", { class: "scroll" }, h("table", { class: "curves" }, h("thead", {}, h("tr", {}, ...heads)), h("tbody", {}, ...METHODS.map(row))));
  const last = found.submissions.at(-1);
  const who = last ? h("p", { class: "why" }, t(last.overrode ? "submitted_over" : "submitted", { who: last.author.replace(/^key:\S+ /, ""), n: say(last.commit) })) : "";
  return h("div", {}, table, who);
}

// Each part is a bar from where the one before ended; words and signs say what colours repeat.
function drawn(found, say) {
  const parts = [...found.parts].filter((one) => one.worth || one.deals).sort((a, b) => b.worth - a.worth);
  let at = found.start;
  const places = parts.map((one) => ((at += one.worth), { ...one, from: at - one.worth, to: at }));
  const most = Math.max(1, found.start, found.end, ...places.flatMap((one) => [one.from, one.to]));
  const bar = (low, high, kind) => {
    const element = h("i", { class: kind });
    element.style.left = `${(100 * Math.max(0, low)) / most}%`;
    element.style.width = `${Math.max(0.5, (100 * (high - low)) / most)}%`;
    return h("span", { class: "track", "aria-hidden": "true" }, element);
  };
  const line = (label, size, low, high, kind, note = "") => [h("span", {}, label), bar(low, high, kind), h("span", { class: "value" }, size, h("small", {}, note))];
  const signed = (n) => (n > 0 ? `+${say(n)}` : say(n));
  const rows = [
    ...line(t("waterfall_start"), say(found.start), 0, found.start, "end", tn("deals", found.start_deals)),
    ...places.flatMap((one) => line(known(`kind_${one.kind}`) ? t(`kind_${one.kind}`) : one.kind, signed(one.worth), Math.min(one.from, one.to), Math.max(one.from, one.to), one.worth < 0 ? "less" : "more", one.deals ? tn("deals", Math.abs(one.deals)) : "")),
    ...line(t("waterfall_end"), say(found.end), 0, found.end, "end", tn("deals", found.end_deals)),
  ];
  return h("div", { class: "bars falls" }, ...rows);
}

function stages(found) {
  const heads = ["stage", "entered", "went_on", "time_in_stage"].map((word) => h("th", { scope: "col" }, t(word)));
  const row = (one) => h("tr", {}, h("th", { scope: "row" }, one.stage), h("td", {}, count(one.entered)), h("td", {}, one.conversion === null ? "–" : percent(one.conversion)), h("td", {}, duration(one.median_s)));
  return h("div", { class: "scroll" }, h("table", { class: "curves" }, h("thead", {}, h("tr", {}, ...heads)), h("tbody", {}, ...found.steps.map(row))));
}
