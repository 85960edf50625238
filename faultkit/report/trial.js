/* A trial's page: a dialog over the dashboard, with an address of its own. */

const dialog = element("dialog", {class: "trial", "aria-label": "trial"});

/* Opens the page of the trial in `row` of a table; `table` knows its neighbours. */
async function openTrial(table, row) {
  const n = table.at(row, "trial"), {result, timelines} = table.campaign;
  const command = `faultkit replay ${quoted(result)} ${n}`;
  const content = await detailOf(table, row, timelines[n], result);
  dialog.replaceChildren(titleOf(table, row), element("code", {class: "command", title: "replays it"}, command), ...content);
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
  history.replaceState(null, "", `#c${table.index}-t${n}`);
}

function titleOf(table, row) {
  const outcome = table.at(row, "outcome"), target = table.at(row, "target");
  const step = (label, other) => element("button", {type: "button", class: "step", disabled: other ? null : "",
    onclick: () => openTrial(table, other)}, label);
  const [before, after] = table.neighbours(row);
  return element("header", {},
    element("h2", {}, `Trial ${table.at(row, "trial")}: ${table.at(row, "injector")}${target ? ` in ${target}` : ""} `,
      element("span", {class: `pill o ${outcome}`}, outcome)),
    step("‹ previous", before), step("next ›", after),
    element("button", {type: "button", class: "close", onclick: () => dialog.close()}, "Close"));
}

async function detailOf(table, row, packed, result) {
  const facts = definitions(table.facts(row));
  if (!packed) {
    const text = `The time line of this trial is not part of this file: faultkit show ${quoted(result)} ${table.at(row, "trial")} has it.`;
    return [facts, element("p", {class: "note"}, text)];
  }
  const {failed, parts, changes, events, late_s: late, left_out: leftOut, console: log} = await unpacked(packed);
  if (failed) return [facts, element("p", {class: "note"}, `This trial's details cannot be shown: ${failed}`)];
  const nodes = [facts, definitions(Object.entries(parts), "parts"), ...changes.map(changeOf), ...crashOf(events)];
  const why = table.at(row, "void");
  if (why) return [...nodes, element("p", {class: "note"}, `No valid run: ${why}. Nothing was recorded.`)];
  const omitted = Object.entries(leftOut).map(([kind, count]) => `${count} ${kind}`).join(", ");
  return [...nodes, ...timelineOf(events, (late ?? Infinity) * 1e9, omitted),
    element("div", {class: "two"}, listing(events), consoleOf(log))];
}

function definitions(pairs, kind = "facts-line") {
  const shown = pairs.filter(([, text]) => text !== null && text !== "");
  return element("div", {class: kind}, ...shown.map(([name, text]) =>
    element("div", {}, element("span", {}, name), element("code", {}, String(text)))));
}

/* What the fault changed: an instruction, or a byte. */
function changeOf({where, before, after}) {
  return element("p", {class: "change"}, element("code", {}, where), " held ", element("code", {class: "before"}, before),
    ", then ", element("code", {class: "after"}, after || "nothing"));
}

/* The kernel's first report: kind, function and offset. */
function crashOf(events) {
  const report = ["kernel.oops", "kernel.lockup", "kernel.panic"]
    .map((kind) => events.find((event) => event[2] === kind)).find((event) => event);
  if (!report) return [];
  const [t, , kind, {what, function: name, offset, module}] = report;
  const place = name ? `${name}+0x${Number(offset || 0).toString(16)}${module ? ` [${module}]` : ""}` : "a place it did not name";
  return [element("p", {class: "change crash"}, `${kind.split(".")[1]} at ${ms(t / 1e6)} ms: ${what} in `, element("code", {}, place))];
}

function consoleOf(log) {
  const lines = (log || "(silent)").split("\n").map((line) =>
    element("span", {class: /RIP:|BUG:|Oops|panic|lockup/.test(line) ? "loud" : null}, `${line}\n`));
  return element("div", {}, element("h3", {}, "Console"), element("pre", {class: "listing"}, ...lines));
}

function listing(events) {
  const body = element("tbody");
  const fill = (all) => body.replaceChildren(...events
    .filter(([, , kind]) => all || (kind !== "request.issued" && kind !== "request.completed"))
    .map(([t, source, kind, data]) => element("tr", {}, element("td", {class: "num"}, (t / 1e6).toFixed(3)),
      element("td", {class: "quiet"}, source), element("td", {}, kind), element("td", {}, words(data)))));
  fill(false);
  const box = element("input", {type: "checkbox", onchange: (event) => fill(event.target.checked)});
  return element("div", {}, element("h3", {}, "Events, virtual ms ",
    element("label", {class: "quiet"}, box, " with ordinary requests")),
  element("div", {class: "listing"}, element("table", {}, body)));
}

function words(data) {
  return Object.entries(data).map(([key, value]) =>
    `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`).join("  ");
}
