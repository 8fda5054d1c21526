// The page: which key, which view, which period; and what is around the numbers.

import { $, h } from "./dom.js";
import { ago, bounds, count, time } from "./format.js";
import { Inbox } from "./inbox.js";
import { Live } from "./live.js";
import { Pipeline } from "./pipeline.js";
import { RepView } from "./rep.js";
import { TeamView } from "./team.js";
import { Why } from "./why.js";
import { applyWords, known, nameOf, switchLanguage, t, tn } from "./words.js";

const KEY = "paceline.key";
const PERIOD = "paceline.period";
const PERIODS = ["day", "week", "month", "quarter", "year"];

const page = { me: null, live: null, view: null, state: "connecting", currentAt: null, progress: null };

// A link made by `paceline up` carries the key behind the #, which is never sent to a server; it leaves the
// address bar at once, so that it is neither bookmarked nor shared.
function keyFromAddress() {
  const match = /^#key=([^&]+)/.exec(location.hash);
  if (!match) return;
  sessionStorage.setItem(KEY, decodeURIComponent(match[1]));
  history.replaceState(null, "", location.pathname);
}

const period = () => (PERIODS.includes(localStorage.getItem(PERIOD)) ? localStorage.getItem(PERIOD) : "month");

async function enter() {
  const key = sessionStorage.getItem(KEY);
  if (!key) return ask("");
  try {
    const answer = await fetch("/v1/me", { headers: { Authorization: `Bearer ${key}` }, cache: "no-store" });
    if (answer.status === 401) return ask(t("ask_wrong"));
    if (answer.status === 403) return ask(t("ask_scope"));
    if (!answer.ok) throw new Error(answer.status);
    page.me = await answer.json();
  } catch {
    setState("offline");
    return setTimeout(enter, 3000);
  }
  $("ask").hidden = true;
  $("board").hidden = $("forget").hidden = false;
  inbox.start();
  route();
}

function ask(error) {
  page.live?.stop();
  inbox.stop();
  page.me = page.live = null;
  sessionStorage.removeItem(KEY);
  $("board").hidden = $("forget").hidden = true;
  $("state").hidden = true;
  $("ask").hidden = false;
  $("ask-error").textContent = error;
  $("key").value = "";
  $("key").focus();
}

// What the address names: #/rep/maria, #/team/east, #/all; else the widest that the key sees.
function wanted() {
  const [, kind, id] = /^#\/(rep|team|all)(?:\/(.+))?$/.exec(location.hash) ?? [];
  if (kind === "rep" && id) return { kind, id: decodeURIComponent(id) };
  if (kind === "team" && id) return { kind, id: decodeURIComponent(id) };
  const { sees, team, rep } = page.me;
  if (sees === "rep") return { kind: "rep", id: rep };
  return sees === "team" ? { kind: "team", id: team } : { kind: "all" };
}

function route() {
  if (!page.me) return;
  const target = wanted();
  if (target.kind !== "rep") page.from = target;
  page.live?.stop();
  page.progress = page.currentAt = null;
  draw(target);
  const [path, query] = {
    rep: () => [`/v1/reps/${encodeURIComponent(target.id)}/progress`, { rep: target.id }],
    team: () => [`/v1/teams/${encodeURIComponent(target.id)}/progress`, { team: target.id }],
    all: () => ["/v1/organisation/progress", {}],
  }[target.kind]();
  $("state").hidden = false;
  page.live = new Live({
    key: sessionStorage.getItem(KEY),
    path,
    query: { ...query, period: period() },
    on: { progress: show, state: setState, current: () => (page.currentAt = Date.now()), refused },
  });
}

function refused(status) {
  if (status === 401) ask(t("ask_wrong"));
  else if (location.hash) location.hash = "";
  else ask(t("ask_scope"));
}

function draw(target) {
  page.target = target;
  page.view = target.kind === "rep" ? new RepView() : new TeamView();
  const open = page.pipeline?.element.open;
  page.pipeline?.stop();
  page.pipeline = new Pipeline(fetched, posted, () => where(), nameOfRep);
  page.pipeline.element.open = Boolean(open);
  $("view").replaceChildren(page.view.element, page.pipeline.element);
  $("org").textContent = nameOf(page.me);
  $("title").textContent = target.kind === "all" ? t("everyone") : "";
  $("bounds").textContent = " ";
  drawTeams(target);
  drawPeriods();
  const back = target.kind === "rep" && page.me.sees !== "rep";
  $("back").hidden = !back;
  if (back) {
    $("back").textContent = t("back", { name: placeName(page.from ?? wantedHome()) });
    $("back").href = page.from?.kind === "team" ? `#/team/${encodeURIComponent(page.from.id)}` : "#/";
  }
}

const wantedHome = () => (page.me.sees === "team" ? { kind: "team", id: page.me.team } : { kind: "all" });

function placeName(place) {
  const team = page.me.teams.find((one) => one.id === place.id);
  return place.kind === "all" ? t("everyone") : team ? nameOf(team) : place.id;
}

function drawTeams(target) {
  const places = page.me.teams.map((team) => ({ kind: "team", id: team.id }));
  if (page.me.sees === "tenant") places.unshift({ kind: "all" });
  const links = places.map((place) => {
    const current = place.kind === target.kind && place.id === target.id;
    const href = place.kind === "all" ? "#/all" : `#/team/${encodeURIComponent(place.id)}`;
    return h("a", { href, "aria-current": current ? "page" : null }, placeName(place));
  });
  $("teams").setAttribute("aria-label", t("teams"));
  $("teams").replaceChildren(...links);
  $("teams").hidden = links.length < 2;
}

function drawPeriods() {
  $("periods").setAttribute("aria-label", t("periods"));
  $("periods").replaceChildren(
    ...PERIODS.map((name) =>
      h("button", { type: "button", "data-period": name, "aria-pressed": String(name === period()), onclick: () => choose(name) }, t(name)),
    ),
  );
}

function choose(name) {
  localStorage.setItem(PERIOD, name);
  route();
  $("periods").querySelector(`[data-period=${name}]`).focus();
}

function show(progress) {
  page.progress = progress;
  const { subject } = progress;
  const title = subject.kind === "organisation" ? t("everyone") : nameOf(subject);
  $("title").textContent = title;
  document.title = `${title} · Paceline`;
  $("bounds").textContent = bounds(progress);
  page.view.show(progress);
  showGaps(progress);
  tick();
}

function showGaps({ incomplete, workdays }) {
  const gap = (what, n) => (known(`gap_${what}`) ? tn(`gap_${what}`, n, count(n)) : tn("gap_other", n, count(n)).replace("{what}", what));
  const lines = Object.entries(incomplete).map(([what, n]) => gap(what, n));
  if (workdays?.provisional) lines.push(t("provisional"));
  $("gaps").hidden = !lines.length;
  $("gaps").replaceChildren(h("h2", {}, `△ ${t("gaps")}`), h("ul", {}, ...lines.map((line) => h("li", {}, line))));
}

function setState(state) {
  page.state = state;
  $("state").dataset.state = state;
  $("state-words").textContent = t(state);
  $("stale").hidden = state !== "offline" || !page.currentAt;
  if (state === "offline" && page.currentAt) $("stale").textContent = t("stale", { time: time(page.currentAt) });
}

// What grows older by itself.
function tick() {
  const { progress } = page;
  $("updated").textContent = progress ? t("updated", { ago: ago(progress.generated_at) }) : "";
  $("sources").replaceChildren(
    ...(progress?.freshness ?? []).map(({ connection: name, last_event_at: at }) =>
      h("li", {}, at === null ? t("source_silent", { name }) : t("source", { name, ago: ago(at) })),
    ),
  );
}

function redraw() {
  applyWords(document);
  $("language").textContent = t("other_language");
  setState(page.state);
  inbox.words();
  if (!page.me) return;
  const { progress } = page;
  draw(page.target);
  if (progress) show(progress);
}

// Whose number is asked about: the row's, else the page's own.
function where(of) {
  const [kind, id] = of?.split(/:(.*)/s) ?? [page.target.kind, page.target.id];
  return { ...(kind === "all" ? {} : { [kind]: id }), period: period() };
}

async function fetched(path) {
  const answer = await fetch(path, { headers: { Authorization: `Bearer ${sessionStorage.getItem(KEY)}` }, cache: "no-store" });
  const body = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(body.detail), { detail: body.detail });
  return body;
}

async function posted(path, body) {
  const headers = { Authorization: `Bearer ${sessionStorage.getItem(KEY)}`, "Content-Type": "application/json" };
  const answer = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
  const said = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(said.detail), { detail: said.detail });
  return said;
}

function nameOfRep(id) {
  const found = [page.progress, ...(page.progress?.rows ?? [])].find((one) => one?.subject.kind === "rep" && one.subject.id === id);
  return found ? nameOf(found.subject) : id;
}

new Why(fetched, where, nameOfRep);
const inbox = new Inbox(fetched, posted);

$("language").addEventListener("click", () => (switchLanguage(), redraw()));
$("forget").addEventListener("click", () => ask(""));
$("ask-form").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem(KEY, $("key").value.trim());
  enter();
});
addEventListener("hashchange", () => {
  keyFromAddress();
  if (page.me && sessionStorage.getItem(KEY) === page.live?.key) route();
  else enter();
});
setInterval(tick, 1000);

keyFromAddress();
redraw();
enter();
