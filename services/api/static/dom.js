// Elements, and numbers that visibly move when they change.

export const $ = (id) => document.getElementById(id);

export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

const still = matchMedia("(prefers-reduced-motion: reduce)");
const MOVE_MS = 700;
const GLOW_MS = 1800;

// A number in its place: `show(value, format)` moves from the value it held to the new one.
export class Figure {
  constructor(attributes = {}) {
    this.element = h("span", { class: "n", ...attributes });
    this.value = null;
  }

  show(value, format) {
    const from = this.value;
    this.value = value;
    this.format = format;
    cancelAnimationFrame(this.frame);
    if (from === null || from === value || still.matches || document.hidden) {
      this.element.textContent = format(value);
      if (from === null || from === value) return;
    } else {
      this.move(from, value, performance.now());
    }
    this.glow(value > from);
  }

  move(from, to, began) {
    const step = (now) => {
      const part = Math.min(1, (now - began) / MOVE_MS);
      const eased = 1 - (1 - part) ** 3;
      this.element.textContent = this.format(part === 1 ? to : from + (to - from) * eased);
      if (part < 1) this.frame = requestAnimationFrame(step);
    };
    this.frame = requestAnimationFrame(step);
  }

  glow(up) {
    clearTimeout(this.fading);
    this.element.classList.remove("up", "down");
    this.element.classList.add("moved", up ? "up" : "down");
    this.fading = setTimeout(() => this.element.classList.remove("moved", "up", "down"), GLOW_MS);
  }
}

export const width = (element, part) => element.style.setProperty("width", `${Math.round(100 * Math.max(0, Math.min(1, part)))}%`);
