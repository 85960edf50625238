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

/* Draws the charts below `root`: now, if `theme` is given; else in the reader's theme, and each when it comes near. */
function draw(root, {figures}, theme) {
  for (const node of root.querySelectorAll(".plot")) {
    const figure = figures[node.dataset.figure];
    node.style.minHeight = `${figure.layout.height}px`; /* nothing moves when it is drawn */
    node.figure = figure;
    if (theme) drawOne(node, theme);
    else NEAR.observe(node);
  }
}

const NEAR = new IntersectionObserver((entries) => {
  for (const {isIntersecting, target} of entries) {
    if (!isIntersecting) continue;
    NEAR.unobserve(target);
    drawOne(target, DARK.matches ? "dark" : "light");
  }
}, {rootMargin: "400px"});

function drawOne(node, theme) {
  const {data, layout} = themed(node.figure, PAGE.themes[theme]);
  Plotly.react(node, data, layout, {displayModeBar: false, responsive: true});
  node.dispatchEvent(new Event("drawn"));
}
