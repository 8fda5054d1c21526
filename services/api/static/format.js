// Numbers, money, days and durations as people read them, by the Intl of the chosen language.

import { locale, t, tn } from "./words.js";

export const count = (n) => new Intl.NumberFormat(locale()).format(Math.round(n));

export function money(minor, currency, exponent, exact = false) {
  const value = minor / 10 ** exponent;
  const digits = exact || Math.abs(value) < 1000 ? undefined : 0;
  const notation = !exact && Math.abs(value) >= 1e8 ? { notation: "compact", maximumFractionDigits: 2 } : {};
  try {
    return new Intl.NumberFormat(locale(), {
      style: "currency",
      currency,
      minimumFractionDigits: digits ?? (Number.isInteger(value) ? 0 : exponent),
      maximumFractionDigits: digits ?? exponent,
      ...notation,
    }).format(value);
  } catch {
    return `${count(value)} ${currency}`;
  }
}

// Currencies side by side, never added: [[minor, currency, exponent], ...], the largest first.
export function amounts(of, currencies) {
  return Object.entries(of)
    .map(([currency, minor]) => [minor, currency, currencies[currency]?.exponent ?? 2])
    .sort((a, b) => b[0] / 10 ** b[2] - a[0] / 10 ** a[2]);
}

export function duration(seconds) {
  if (seconds === null) return "–";
  const one = (word, n) => tn(word, n, new Intl.NumberFormat(locale(), { maximumFractionDigits: 1 }).format(n));
  if (seconds >= 86400) return one("days", Math.round(seconds / 8640) / 10);
  if (seconds >= 3600) return one("hours", Math.round(seconds / 360) / 10);
  return seconds < 60 ? tn("minutes", 1, "<1") : one("minutes", Math.round(seconds / 60));
}

export const day = (text, options = { year: "numeric", month: "short", day: "numeric" }) =>
  new Intl.DateTimeFormat(locale(), { timeZone: "UTC", ...options }).format(new Date(`${text}T00:00:00Z`));

export function month(text) {
  return text === "unknown" ? t("unknown_month") : day(`${text}-01`, { year: "numeric", month: "short" });
}

// Fiscal periods are said by their label, calendar ones are plain from their days.
export function bounds({ bounds: b, period_label: label }) {
  const shown = { year: "numeric", month: "short", day: "numeric" };
  const format = new Intl.DateTimeFormat(locale(), { timeZone: "UTC", ...shown });
  const from = new Date(`${b.first_day}T00:00:00Z`);
  const through = new Date(`${b.through_day}T00:00:00Z`);
  const days = b.first_day === b.through_day ? format.format(from) : format.formatRange(from, through);
  const named = /^FY/.test(label ?? "") ? `${label} · ` : "";
  return `${named}${days} · ${b.zone === "several" ? t("several_zones") : b.zone.replaceAll("_", " ")}`;
}

export const time = (instant) =>
  new Intl.DateTimeFormat(locale(), { hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(instant);

export function ago(instant) {
  const seconds = Math.max(0, Math.round((Date.now() - instant) / 1000));
  if (seconds < 5) return t("just_now");
  const format = new Intl.RelativeTimeFormat(locale(), { numeric: "always", style: "short" });
  if (seconds < 90) return format.format(-seconds, "second");
  if (seconds < 5400) return format.format(-Math.round(seconds / 60), "minute");
  if (seconds < 129600) return format.format(-Math.round(seconds / 3600), "hour");
  return format.format(-Math.round(seconds / 86400), "day");
}
