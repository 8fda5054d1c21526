// One view's numbers, kept current: server-sent events by fetch (EventSource cannot send a header), and
// polling with an ETag while the stream is away. Calls `onProgress(progress)`, `onState(state)`, `onRefused(status)`.

const POLL_MS = 5000;
const SILENT_MS = 35000; // the server sends a comment every 15 s
const AGAIN_MS = [500, 1000, 2000, 5000, 10000];

export class Live {
  constructor({ key, path, query, on }) {
    Object.assign(this, { key, path, query, on });
    this.ended = new AbortController();
    this.lastEventId = "";
    this.etag = "";
    this.tries = 0;
    this.progress = null;
    this.run();
  }

  stop() {
    this.ended.abort();
  }

  headers(more = {}) {
    return { Authorization: `Bearer ${this.key}`, ...more };
  }

  async run() {
    this.on.state("connecting");
    while (!this.ended.signal.aborted) {
      try {
        await this.stream();
      } catch {
        // Fetching failed or the stream broke: what follows says which by asking once.
      }
      if (this.ended.signal.aborted) return;
      await this.between(AGAIN_MS[Math.min(this.tries++, AGAIN_MS.length - 1)]);
    }
  }

  // Until the stream is tried again: poll, so that the numbers are current without it.
  async between(pause) {
    const until = Date.now() + pause;
    do {
      await this.poll();
      await this.sleep(Math.min(POLL_MS, Math.max(0, until - Date.now())));
    } while (Date.now() < until && !this.ended.signal.aborted);
  }

  async poll() {
    try {
      const headers = this.headers(this.etag ? { "If-None-Match": this.etag } : {});
      const answer = await fetch(`${this.path}?period=${this.query.period}`, { headers, signal: this.ended.signal });
      if (this.refused(answer.status)) return;
      if (!answer.ok && answer.status !== 304) throw new Error(answer.status);
      this.on.state("polling");
      if (answer.status === 200) {
        this.etag = answer.headers.get("ETag") ?? "";
        this.show(await answer.json());
      } else {
        this.on.current();
      }
    } catch {
      if (!this.ended.signal.aborted) this.on.state("offline");
    }
  }

  async stream() {
    const quiet = new AbortController();
    const signal = AbortSignal.any([this.ended.signal, quiet.signal]);
    const headers = this.headers(this.lastEventId ? { "Last-Event-ID": this.lastEventId } : {});
    let watch = setTimeout(() => quiet.abort(), SILENT_MS);
    try {
      const answer = await fetch(`/v1/stream?${new URLSearchParams(this.query)}`, { headers, signal, cache: "no-store" });
      if (this.refused(answer.status)) return;
      if (!answer.ok) throw new Error(answer.status);
      if (this.lastEventId) this.opened();
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        clearTimeout(watch);
        watch = setTimeout(() => quiet.abort(), SILENT_MS);
        const parts = (rest + value).replaceAll("\r\n", "\n").split("\n\n");
        rest = parts.pop();
        parts.forEach((part) => this.event(part));
      }
    } finally {
      clearTimeout(watch);
      quiet.abort();
    }
  }

  opened() {
    this.tries = 0;
    this.on.state("live");
    this.on.current();
  }

  event(text) {
    const fields = {};
    for (const line of text.split("\n")) {
      const [, name, value] = /^(\w+): ?(.*)$/.exec(line) ?? [];
      if (name) fields[name] = value;
    }
    if (!fields.data) return;
    this.opened();
    this.lastEventId = fields.id ?? this.lastEventId;
    const data = JSON.parse(fields.data);
    this.show(fields.event === "change" ? this.merged(data) : data);
  }

  // The new whole, with the rows that changed in place of the old ones.
  merged({ progress, rows }) {
    const changed = new Map(rows.map((row) => [row.subject.id, row]));
    const replace = (old) => old.map((row) => changed.get(row.subject.id) ?? row);
    const before = this.progress ?? { rows: [], unmapped_owners: [] };
    const held = new Set(before.unmapped_owners.map((row) => row.subject.id));
    const added = rows.filter((row) => row.subject.kind === "owner" && !held.has(row.subject.id));
    return { ...progress, rows: replace(before.rows), unmapped_owners: [...replace(before.unmapped_owners), ...added] };
  }

  show(progress) {
    this.progress = progress;
    this.on.current();
    this.on.progress(progress);
  }

  refused(status) {
    if (status !== 401 && status !== 403 && status !== 404) return false;
    this.stop();
    this.on.refused(status);
    return true;
  }

  sleep(ms) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.ended.signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
    });
  }
}
