/* The table of trials: filters, sorts, opens a trial's page. */

const PAGE_ROWS = 100;
const HEADS = {
  trial: "trial", fault_type: "fault type", detected_by: "detected by", detection_ms: "detection, ms",
  recovery_ms: "recovery, ms", outage_ms: "outage, ms", crash_function: "crashed in",
};
const NUMBERS = ["trial", "detection_ms", "recovery_ms", "outage_ms"];
const CODE = ["target", "function", "crash_function"];
const CHOICES = ["driver", "side", "injector", "fault_type", "policy"];
const HIDDEN = ["void", "side"]; /* to filter by, or part of another column */

/* Rows from columns: a list of values, or of places in a list of different ones. */
function rowsOf(columns) {
  const lists = Object.values(columns).map((column) =>
    Array.isArray(column) ? column : column.codes.map((code) => (code < 0 ? null : column.of[code])));
  return lists[0].map((_, i) => lists.map((list) => list[i]));
}

/* `wanted`: what it filters by, and its order. */
async function trialTable(node, campaign, index, wanted = {text: "", outcomes: [], order: {column: "trial", down: false}}) {
  const packed = await unpacked(campaign.table);
  const names = Object.keys(packed), rows = rowsOf(packed);
  const place = Object.fromEntries(names.map((name, i) => [name, i]));
  const columns = names.filter((name) => !HIDDEN.includes(name));
  const at = (row, name) => (name in place ? row[place[name]] : null);
  const {order} = wanted;
  let limit = PAGE_ROWS, found = rows;

  const classOf = (row) => (at(row, "injector") === "golden" ? "golden" : at(row, "outcome"));
  const matches = (row) =>
    (!wanted.outcomes.length || wanted.outcomes.includes(classOf(row))) &&
    CHOICES.every((name) => !wanted[name] || at(row, name) === wanted[name]) &&
    (!wanted.text || row.join(" ").toLowerCase().includes(wanted.text));

  function key(row) {
    const value = at(row, order.column);
    return order.column === "outcome" ? PAGE.outcomes.indexOf(value) : value;
  }

  function compare(a, b) {
    const [x, y] = [key(a), key(b)];
    if (x === y) return at(a, "trial") - at(b, "trial");
    if (x === null || x === "") return 1; /* what is missing comes last in either direction */
    if (y === null || y === "") return -1;
    return (x < y ? -1 : 1) * (order.down ? -1 : 1);
  }

  const body = element("tbody");
  const shown = element("span", {class: "shown", role: "status"});
  const more = element("button", {class: "more", type: "button", onclick: () => { limit += 2 * PAGE_ROWS; fill(); }});
  const heads = columns.map((name) => element("th", {
    class: NUMBERS.includes(name) ? "num" : "", tabindex: "0", scope: "col", "data-column": name,
    onclick: () => sort(name), onkeydown: (event) => event.key === "Enter" && sort(name),
  }, HEADS[name] || name));

  function sort(name) {
    order.down = order.column === name ? !order.down : name !== "trial";
    order.column = name;
    fill();
  }

  function fill() {
    found = rows.filter(matches).sort(compare);
    heads.forEach((head, i) => {
      if (columns[i] === order.column) head.setAttribute("aria-sort", order.down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    body.replaceChildren(...found.slice(0, limit).map(rowOf));
    shown.textContent = `${found.length} of ${rows.length} trials`;
    more.hidden = found.length <= limit;
    more.textContent = `Show more (${found.length - limit} left)`;
  }

  function rowOf(row) {
    const open = () => openTrial(table, row);
    return element("tr", {class: "row", tabindex: "0", "data-trial": at(row, "trial"), onclick: open,
      onkeydown: (event) => event.key === "Enter" && open()}, ...columns.map((name) => cell(row, name)));
  }

  function cell(row, name) {
    const value = at(row, name);
    if (name === "outcome") {
      const text = value === "void" ? `void: ${at(row, "void")}` : value;
      return element("td", {}, value === "void" ? null : swatch(value), text);
    }
    const kind = NUMBERS.includes(name) ? "num" : CODE.includes(name) ? "code" : "";
    const text = value === null ? "" : name.endsWith("_ms") ? ms(value) : String(value);
    return element("td", {class: kind, title: kind === "code" ? text : null}, text);
  }

  function chip(outcome) {
    const count = rows.filter((row) => classOf(row) === outcome).length;
    if (!count) return null;
    return element("button", {type: "button", class: "chip", "aria-pressed": String(wanted.outcomes.includes(outcome)),
      onclick: (event) => {
        const on = !wanted.outcomes.includes(outcome);
        wanted.outcomes = on ? [...wanted.outcomes, outcome] : wanted.outcomes.filter((other) => other !== outcome);
        event.currentTarget.setAttribute("aria-pressed", String(on));
        fill();
      }}, PAGE.outcomes.includes(outcome) ? swatch(outcome) : null, `${outcome} ${count}`);
  }

  function choice(name) {
    const values = [...new Set(rows.map((row) => at(row, name)))].filter((value) => value).sort();
    if (values.length < 2) return null;
    const options = values.map((value) => element("option", {value, selected: value === wanted[name] ? "" : null}, value));
    return element("select", {"aria-label": name, onchange: (event) => { wanted[name] = event.target.value; fill(); }},
      element("option", {value: ""}, `any ${HEADS[name] || name}`), ...options);
  }

  const table = {
    at, campaign, index, wanted,
    find: (n) => rows.find((row) => at(row, "trial") === n),
    neighbours: (row) => { const i = found.indexOf(row); return [i > 0 ? found[i - 1] : null, found[i + 1] ?? null]; },
    facts: (row) => names.filter((name) => !["trial", "outcome", "void"].includes(name))
      .map((name) => [HEADS[name] || name, at(row, name)]),
  };
  node.append(
    element("div", {class: "controls"},
      element("input", {type: "search", placeholder: "Filter: function, detector, …", "aria-label": "filter trials", value: wanted.text,
        oninput: (event) => { wanted.text = event.target.value.trim().toLowerCase(); fill(); }}),
      ...CHOICES.map(choice), ...[...PAGE.outcomes, "golden", "void"].map(chip), shown),
    element("div", {class: "scroll"}, element("table", {}, element("thead", {}, element("tr", {}, ...heads)), body)),
    more);
  fill();
  return table;
}
