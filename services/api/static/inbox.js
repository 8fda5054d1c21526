// The inbox: what was told of deviations, with what explains it, and what can be done about it at once.

import { $, h } from "./dom.js";
import { ago, count, money } from "./format.js";
import { moment, percent } from "./kpi.js";
import { nameOf, t } from "./words.js";

const POLL_MS = 10000;
const MARKS = { info: "●", warning: "▲", critical: "■" };
const SECONDS_A_DAY = 86400;

export class Inbox {
  // `fetched(path)` and `posted(path, body)` answer JSON.
  constructor(fetched, posted) {
    Object.assign(this, { fetched, posted });
    this.state = "open";
    this.list = h("ol", { class: "alerts" });
    this.more = h("button", { type: "button", class: "quiet", onclick: () => this.load(this.next) });
    this.title = h("h2", { id: "inbox-title" });
    this.close = h("button", { type: "button", class: "quiet", onclick: () => this.dialog.close() }, "✕");
    this.filter = h("div", { class: "periods", role: "group" });
    this.dialog = h("dialog", { class: "why-drawer inbox", "aria-labelledby": "inbox-title" }, h("header", {}, this.title, this.close), h("div", { class: "why-body" }, this.filter, this.list, this.more));
    this.dialog.addEventListener("click", (event) => event.target === this.dialog && this.dialog.close());
    document.body.append(this.dialog);
    $("inbox").addEventListener("click", () => this.open());
  }

  start() {
    this.stop();
    $("inbox").hidden = false;
    const look = async () => {
      await this.badge();
      this.timer = setTimeout(look, POLL_MS);
    };
    look();
  }

  stop() {
    clearTimeout(this.timer);
    $("inbox").hidden = true;
    if (this.dialog.open) this.dialog.close();
  }

  async badge() {
    try {
      const { open } = await this.fetched("/v1/alerts?state=open&limit=1");
      this.count = open;
      this.words();
    } catch {
      // The next look may succeed; what was seen stays.
    }
  }

  words() {
    $("inbox-words").textContent = t("inbox");
    $("inbox-count").textContent = this.count ? count(this.count) : "";
    $("inbox").setAttribute("aria-label", t(this.count === 1 ? "inbox_open_one" : "inbox_open_n", { n: count(this.count ?? 0) }));
  }

  open() {
    this.close.setAttribute("aria-label", t("close"));
    this.title.textContent = t("inbox");
    this.filter.replaceChildren(
      ...["open", "all"].map((name) =>
        h("button", { type: "button", "aria-pressed": String(name === this.state), onclick: () => ((this.state = name), this.open()) }, t(`inbox_${name}`)),
      ),
    );
    if (!this.dialog.open) this.dialog.showModal();
    this.load("");
  }

  async load(after) {
    try {
      const query = new URLSearchParams({ state: this.state, limit: 30, ...(after ? { after } : {}) });
      const found = await this.fetched(`/v1/alerts?${query}`);
      const items = found.items.map((entry) => this.entry(entry));
      if (after) this.list.append(...items);
      else this.list.replaceChildren(...(items.length ? items : [h("li", { class: "none" }, t("inbox_none"))]));
      this.next = found.next;
      this.more.hidden = !found.next;
      this.more.textContent = t("why_more");
      this.count = found.open;
      this.words();
    } catch (error) {
      this.list.replaceChildren(h("li", { class: "none" }, error.detail ?? t("ask_away")));
    }
  }

  entry(entry) {
    const { alert } = entry;
    const item = h("li", { class: "alert", "data-severity": alert.severity, "data-state": entry.state });
    const who = nameOf(alert.subject);
    const rule = nameOf(alert.rule);
    item.append(
      h("h3", {}, h("span", { class: "mark", "aria-hidden": "true" }, MARKS[alert.severity]), `${who} · ${rule}`),
      h("p", { class: "bounds" }, `${t(`severity_${alert.severity}`)} · ${alert.period || "–"} · ${ago(entry.fired_at)} · ${t(`alert_${entry.state}`)}`),
      ...this.lines(alert).map((line) => h("p", {}, line)),
      ...entry.notes.filter((note) => note.text).map((note) => h("blockquote", {}, note.text, h("small", {}, `${note.author} · ${ago(note.at)}`))),
      this.deeds(entry, item),
    );
    return item;
  }

  lines(alert) {
    const { figure, driver } = alert;
    const lines = [];
    if (alert.percent) lines.push(t("alert_milestone", { percent: alert.percent }));
    if (alert.quiet_ms) lines.push(t("alert_quiet", { hours: (alert.quiet_ms / 3600000).toFixed(1) }));
    if (alert.silent_since) lines.push(t("alert_silent", { time: moment(alert.silent_since) }));
    if (figure) {
      const say = (value) => said(figure, value);
      const kpi = nameOf(figure);
      lines.push(figure.target == null ? `${kpi}: ${say(figure.value)}` : t("alert_now", { kpi, value: say(figure.value), target: say(figure.target) }));
      if (figure.expected != null) lines.push(t("alert_expected", { expected: say(figure.expected), status: t(`status_${figure.status}`) }));
      if (figure.projection != null) lines.push(figure.probability == null ? t("alert_heading", { projection: say(figure.projection) }) : t("alert_projection", { projection: say(figure.projection), chance: percent(figure.probability) }));
      if (figure.required_per_workday) lines.push(t("alert_required", { required: say(figure.required_per_workday), days: count(figure.remaining_workdays) }));
      if (figure.last_period != null) lines.push(t("alert_last", { last: say(figure.last_period) }));
    }
    if (driver) {
      const scale = driver.topic === "cycle" ? SECONDS_A_DAY : driver.topic === "deal_size" && figure ? 10 ** figure.exponent : 1;
      const of = (value) => (driver.topic === "conversion" ? percent(value) : (value / scale).toFixed(1));
      lines.push(t(`topic_${driver.topic}`, { value: of(driver.value), team: of(driver.team) }));
    }
    if (alert.late) lines.push(t("alert_late"));
    return lines;
  }

  deeds(entry, item) {
    const row = h("div", { class: "deeds" });
    const deed = (name) =>
      h("button", { type: "button", class: "quiet", onclick: () => this.do(entry, name, item) }, t(`deed_${name}`));
    if (entry.state === "open" || entry.state === "snoozed") row.append(deed("acknowledge"), deed("snooze"));
    row.append(deed("useful"), deed("not_useful"));
    if (entry.alert.figure) {
      const { subject } = entry.alert;
      const what = h("button", { type: "button", class: "quiet", "data-why": `kpi:${entry.alert.figure.kpi}` }, t("why"));
      if (subject.kind === "rep") row.append(h("a", { href: `#/rep/${encodeURIComponent(subject.id)}`, onclick: () => this.dialog.close() }, t("alert_open_rep")));
      else row.append(what);
    }
    return row;
  }

  async do(entry, deed, item) {
    try {
      const now = await this.posted(`/v1/alerts/${encodeURIComponent(entry.id)}`, { deed });
      const made = this.entry(now);
      item.replaceWith(made);
      made.querySelector("button")?.focus();
      this.badge();
    } catch (error) {
      item.append(h("p", { class: "error", role: "alert" }, error.detail ?? t("ask_away")));
    }
  }
}

function said(figure, value) {
  if (value == null) return "–";
  if (figure.unit === "money") return money(value, figure.currency, figure.exponent);
  if (figure.unit === "ratio") return value.toFixed(2);
  if (figure.unit === "duration") return `${(value / SECONDS_A_DAY).toFixed(1)} d`;
  return count(Math.round(value * 100) / 100);
}
