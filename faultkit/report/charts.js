/* Charts in the colours of the theme. */

const DARK = matchMedia("(prefers-color-scheme: dark)");

/* A copy in which "--ink" has become the theme's colour, "--c1/0.16" a translucent one. */
function themed(value, theme) {
  if (typeof value === "string") return value.startsWith("--") ? colour(value.slice(2), theme) : value;
  if (Array.isArray(value)) return value.map((item) => themed(item, theme));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, themed(item, theme)]));
}

function colour(text, theme) {
  const [name, opacity] = text.split("/");
  if (!opacity) return theme[name];
  const channels = [1, 3, 5].map((i) => parseInt(theme[name].slice(i, i + 2), 16));
  return `rgba(${channels.join(",")},${opacity})`;
}

/* Draws the charts of a campaign; `name` is that of a theme. */
function draw(pane, {figures}, name = DARK.matches ? "dark" : "light") {
  for (const node of pane.querySelectorAll(".plot")) {
    const {data, layout} = themed(figures[node.dataset.figure], PAGE.themes[name]);
    Plotly.react(node, data, layout, {displayModeBar: false, responsive: true});
  }
}
