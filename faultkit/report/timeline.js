/* A trial's time line: lanes in the order of cause and effect, requests as bars, attempts at recovery as spans. */

/* An event belongs to the first lane that claims its kind. */
const LANES = [
  ["fault", /^fault\./],
  ["workload", /^(request|workload|read|check)\./],
  ["detection", /^error\./],
  ["recovery", /^(recovery|service)\./],
  ["u-driver", /^udriver\./],
  ["k-driver", /^module\./],
  ["kernel", /^kernel\./],
  ["guest", /^guest\./],
];
const BAD = /^(kernel\.(oops|panic|lockup|warn|hung_task)|guest\.|udriver\.died|read\.mismatched|check\.failed|recovery\.gave_up|workload\.gave_up)/;
const GOOD = /^(service\.restored|check\.passed)/;
const LABELS = {
  "fault.injected": () => "injected", "fault.activated": () => "activated",
  "error.detected": (data) => `by ${data.by}`, "service.restored": () => "service restored",
  "recovery.gave_up": () => "gave up", "workload.gave_up": () => "gave up", "workload.finished": () => "finished",
  "udriver.died": () => "died", "udriver.started": () => "started", "read.mismatched": () => "wrong data",
  "kernel.message": (data) => String(data.text).slice(0, 60), "kernel.warn": (data) => `warning: ${data.what}`,
  "kernel.oops": (data) => `oops: ${data.what}`, "kernel.panic": () => "panic", "kernel.lockup": () => "lockup",
  "check.passed": () => "check passed", "check.failed": () => "check failed", "guest.panicked": () => "stopped",
  "recovery.step": (data) => data.step,
};

/* Requests as bars: [start, end, state, text]. */
function requestsOf(events, end, lateNs) {
  const open = new Map(), bars = [];
  for (const [t, , kind, data] of events) {
    if (kind === "request.issued") open.set(data.n, t);
    else if (kind === "request.completed" || kind === "request.failed") {
      const start = open.get(data.n) ?? t - (data.latency_ns || 0);
      open.delete(data.n);
      const state = kind === "request.failed" ? "failed" : data.latency_ns > lateNs ? "late" : "done";
      bars.push([start, t, state, `request ${data.n} ${data.op || ""} ${state} ${data.error || ""}`]);
    } else if (kind === "request.stuck") {
      bars.push([t - data.age_ns, t, "stuck", `request ${data.n} ${data.op || ""} stuck`]);
      open.delete(data.n);
    }
  }
  for (const [n, start] of open) bars.push([start, end, "stuck", `request ${n} never ended`]);
  return bars.sort((a, b) => a[0] - b[0]);
}

/* Recovery attempts as spans: [start, end, ok, action]. */
function attemptsOf(events, end) {
  const spans = [];
  for (const [t, , kind, data] of events) {
    if (kind === "recovery.started") spans.push([t, end, false, data.action]);
    if (kind === "recovery.finished" && spans.length) Object.assign(spans.at(-1), {1: t, 2: data.ok});
  }
  return spans;
}

/* The stretch of the trial in which the fault played. */
function around(events, end) {
  const play = events.filter(([, , kind]) => /^(fault|error|recovery|service|kernel|udriver|guest)\./.test(kind));
  if (!play.length) return [0, end];
  const first = play[0][0], last = play.at(-1)[0], margin = Math.max((last - first) * 0.12, 5e5);
  return [Math.max(0, first - margin), Math.min(end, last + margin)];
}

function timelineOf(events, lateNs, omitted) {
  const end = Math.max(1, ...events.map(([t]) => t));
  const whole = [0, end], near = around(events, end);
  const holder = element("div");
  const buttons = [["around the fault", near], ["whole trial", whole]].map(([name, range]) =>
    element("button", {type: "button", onclick: (event) => choose(range, event.currentTarget)}, name));
  function choose(range, button) {
    for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
    holder.replaceChildren(timeline(events, range, end, lateNs));
  }
  choose(near, buttons[0]);
  const note = omitted ? `Not embedded: ${omitted} events.` : "";
  return [element("div", {class: "bar-of-tools"}, ...buttons, element("span", {}, note), key()), holder];
}

/* How requests look. */
function key() {
  const sample = (state) => [shape("svg", {class: "timeline", width: 22, height: 9},
    shape("rect", {class: `request ${state}`, x: 1, y: 1, width: 20, height: 7})), state];
  return element("span", {class: "key"}, "requests:", ...["done", "late", "failed", "stuck"].flatMap(sample));
}

function timeline(events, [from, to], end, lateNs) {
  const WIDTH = 1240, LEFT = 92, RIGHT = 24, ROW = 9;
  const x = (t) => LEFT + (WIDTH - LEFT - RIGHT) * (t - from) / Math.max(1, to - from);
  const within = (a, b = a) => b >= from && a <= to;
  const bars = requestsOf(events, end, lateNs).filter(([a, b]) => within(a, b));
  const depth = stacked(bars);
  const lanes = LANES.map(([name, pattern]) => [name, events.filter(([, , kind]) => pattern.test(kind))])
    .filter(([, own]) => own.length);
  const svg = shape("svg", {class: "timeline", role: "img", "aria-label": "timeline of the trial"});
  let y = 16;
  const placed = lanes.map(([name, own]) => {
    const top = y, height = name === "workload" ? 30 + ROW * depth : 30;
    y += height;
    return {name, own, top, height};
  });
  const height = y + 30;
  svg.setAttribute("viewBox", `0 0 ${WIDTH} ${height}`);
  svg.append(...grid(x, from, to, y, height), ...downtime(events, x, from, to, y, end));
  for (const lane of placed) svg.append(...laneOf(lane, events, bars, x, within, {WIDTH, LEFT, RIGHT, ROW}, end));
  return svg;
}

/* Gives each bar a row in which it overlaps none; returns how many rows there are. */
function stacked(bars) {
  const ends = [];
  for (const bar of bars) {
    const row = ends.findIndex((edge) => edge <= bar[0]);
    bar.row = row >= 0 ? row : Math.min(ends.length, 9);
    ends[bar.row] = bar[1];
  }
  return Math.max(1, ends.length);
}

function grid(x, from, to, bottom, height) {
  const step = tickStep((to - from) / 1e6 / 8), nodes = [];
  for (let tick = Math.ceil(from / 1e6 / step) * step; tick <= to / 1e6; tick += step) {
    const at = x(tick * 1e6), text = `${Number(tick.toFixed(6))} ms`;
    nodes.push(shape("line", {class: "grid", x1: at, x2: at, y1: 8, y2: bottom + 4}));
    nodes.push(shape("text", {x: at, y: height - 10, "text-anchor": "middle"}, text));
  }
  return nodes;
}

function tickStep(rough) {
  const power = 10 ** Math.floor(Math.log10(Math.max(rough, 1e-6)));
  return power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
}

/* From activation until the service is back, or to the end. */
function downtime(events, x, from, to, bottom, end) {
  const seen = events.find(([, , kind]) => kind === "error.detected" || /^kernel\.(oops|panic|lockup)$/.test(kind));
  if (!seen) return [];
  const start = (events.find(([, , kind]) => kind === "fault.activated") || seen)[0];
  const back = events.find(([t, , kind]) => kind === "service.restored" && t >= start);
  const a = x(Math.max(from, start)), b = x(Math.min(to, back ? back[0] : end));
  return [shape("rect", {class: "down", x: a, y: 8, width: Math.max(0, b - a), height: bottom - 4})];
}

function laneOf({name, own, top, height}, events, bars, x, within, size, end) {
  const middle = top + 15;
  const nodes = [
    shape("line", {class: "grid", x1: 12, x2: size.WIDTH - 12, y1: top + height, y2: top + height}),
    shape("text", {class: "lane", x: 14, y: middle + 4}, name),
  ];
  if (name === "workload") nodes.push(...bars.map((bar) => request(bar, x, top + 24, size)));
  if (name === "recovery") nodes.push(...attemptsOf(events, end).filter(([a, b]) => within(a, b)).map((s) => attempt(s, x, top, size)));
  return [...nodes, ...marks(own.filter(([t]) => within(t)), x, middle, size)];
}

function clipped(a, b, x, size) {
  const left = Math.max(size.LEFT, x(a)), right = Math.min(size.WIDTH - size.RIGHT, x(b));
  return {x: left, width: Math.max(1.5, right - left)};
}

function request(bar, x, top, size) {
  const [a, b, state, text] = bar;
  const title = `${text}, ${ms((b - a) / 1e6)} ms`;
  return shape("rect", {class: `request ${state}`, ...clipped(a, b, x, size), y: top + bar.row * size.ROW, height: size.ROW - 2},
    shape("title", {}, title));
}

function attempt([a, b, ok, action], x, top, size) {
  return shape("rect", {class: ok ? "span" : "span bad", ...clipped(a, b, x, size), y: top + 5, height: 20, rx: 3},
    shape("title", {}, `${action}: ${ok ? "worked" : "failed"} after ${ms((b - a) / 1e6)} ms`));
}

/* Marks with their labels, as far as these do not run into one another: what matters most is named first. */
function marks(own, x, middle, size) {
  const unmarked = /^(request\.(issued|completed|failed|stuck)|recovery\.(started|finished))$/;
  const seen = own.filter(([, , kind]) => !unmarked.test(kind));
  const taken = seen.filter(([, , kind]) => kind !== "recovery.step").map(([t]) => [x(t) - 6, x(t) + 6]);
  const steps = seen.filter(([, , kind]) => kind === "recovery.step").map(([t]) => [x(t) - 3, x(t) + 3]);
  const nodes = seen.map((event) => mark(event, x, middle));
  for (const [t, , kind, data] of [...seen].sort((a, b) => weight(a) - weight(b))) {
    const text = (LABELS[kind] || (() => kind.split(".")[1].replaceAll("_", " ")))(data);
    const width = 6.3 * text.length;
    const right = [x(t) + 8, x(t) + 10 + width], left = [x(t) - 10 - width, x(t) - 8];
    const places = kind === "recovery.step" ? [right] : [right, left]; /* a step begins at its mark */
    const place = places.find(([a, b]) => a > size.LEFT - 8 && b < size.WIDTH - 4 &&
      [...taken, ...(kind === "recovery.step" ? steps : [])].every(([c, d]) => b < c || a > d));
    if (!place) continue;
    taken.push(place);
    const anchor = place === right ? "start" : "end";
    nodes.push(shape("text", {class: "said", x: x(t) + (place === right ? 9 : -9), y: middle + 4, "text-anchor": anchor}, text));
  }
  return nodes;
}

const WEIGHTS = ["fault.activated", "recovery.gave_up", "service.restored", "error.detected", "udriver.died",
  "fault.injected"];

function weight([, , kind]) {
  const place = WEIGHTS.indexOf(kind);
  return place >= 0 ? place : kind === "recovery.step" ? 20 : kind === "kernel.message" ? 19 : 10;
}

function mark([t, source, kind, data], x, middle) {
  const tone = BAD.test(kind) ? "bad" : GOOD.test(kind) ? "good" : "";
  const title = `${kind} at ${ms(t / 1e6)} ms, seen by ${source}\n${words(data)}`;
  return shape("path", {class: `mark ${tone}`, d: glyph(kind, x(t), middle)}, shape("title", {}, title));
}

/* A triangle for faults, a diamond for detections, a cross for what broke, a dot for the rest. */
function glyph(kind, x, y) {
  if (kind.startsWith("fault.")) return `M${x - 5} ${y - 5}h10l-5 10z`;
  if (kind.startsWith("error.")) return `M${x} ${y - 6}l6 6l-6 6l-6 -6z`;
  if (BAD.test(kind)) return `M${x - 5} ${y - 3}l2 -2l3 3l3 -3l2 2l-3 3l3 3l-2 2l-3 -3l-3 3l-2 -2l3 -3z`;
  if (kind === "recovery.step") return `M${x - 1} ${y - 10}h2v20h-2z`;
  return `M${x - 4} ${y}a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z`;
}
