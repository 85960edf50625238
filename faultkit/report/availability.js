/* Availability by the reader's own fault rate, by the formula of faultkit/results/availability.py. */

const YEAR_S = 365.25 * 86400;

function yearly(cost, share, between, repair) {
  const mean = (1 - share) * cost.back_s + share * repair;
  return YEAR_S * mean / (between + mean);
}

function estimator(pane) {
  const inputs = [...pane.querySelectorAll(".slider input")];
  const rows = [...pane.querySelectorAll("[data-cost]")].map((row) => [row, JSON.parse(row.dataset.cost)]);
  const chart = pane.querySelector('[data-figure="availability"]');
  if (!chart) return;
  function update() {
    const [between, repair] = inputs.map((input) => 10 ** Number(input.value));
    for (const input of inputs) input.nextElementSibling.textContent = span(10 ** Number(input.value));
    for (const [row, cost] of rows) {
      const [low, down, high] = cost.gone.map((share) => yearly(cost, share, between, repair));
      const [availability, yearlyCell, range] = [...row.cells].slice(-3);
      availability.textContent = percent(1 - down / YEAR_S);
      yearlyCell.textContent = span(down);
      range.textContent = `${span(low)} to ${span(high)}`;
    }
    if (chart.data) Plotly.restyle(chart, {y: chart.data.map(({x}, i) => {
      const [, cost] = rows[Math.floor(i / 3)]; /* a line each, after its lower and upper bound */
      return x.map((each) => yearly(cost, cost.gone[[0, 2, 1][i % 3]], each, repair));
    })});
  }
  for (const input of inputs) input.addEventListener("input", update);
  chart.addEventListener("drawn", update);
  update();
}

/* As many nines as there are. */
function percent(share) {
  return `${(100 * share).toFixed(Math.min(7, Math.max(2, Math.ceil(-Math.log10(1 - share))))) } %`;
}

function span(seconds) {
  const units = [["a", YEAR_S], ["d", 86400], ["h", 3600], ["min", 60]];
  const [name, size] = units.find(([, size]) => seconds >= 1.5 * size) || ["s", 1];
  return `${Number((seconds / size).toPrecision(3))} ${name}`;
}
