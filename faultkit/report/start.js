/* What is shown: the address names a campaign, and perhaps a trial: #c1 or #c1-t42. */

const PAGE = JSON.parse(document.getElementById("data").textContent);
const panes = [...document.querySelectorAll(".campaign")];
const glance = document.getElementById("glance");
const tables = [];
const KEPT = `faultkit ${location.pathname}`;

function show() {
  const [, campaign = "0", trial] = /^#c(\d+)(?:-t(\d+))?$/.exec(location.hash) || [];
  const index = Number(campaign) in panes ? Number(campaign) : 0, pane = panes[index];
  panes.forEach((other) => other.classList.toggle("open", other === pane));
  for (const link of document.querySelectorAll(".tabs a")) {
    if (link.hash === `#${pane.id}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.querySelector(".jumps").replaceChildren(...[...pane.querySelectorAll("[data-short]")].map((card) =>
    element("button", {type: "button", onclick: () => card.scrollIntoView({behavior: "smooth"})}, card.dataset.short)));
  draw(glance, PAGE.glance);
  draw(pane, PAGE.campaigns[index]);
  if (trial !== undefined) openNumber(index, Number(trial));
}

function openNumber(index, n) {
  const row = tables[index].find(n);
  if (row) openTrial(tables[index], row);
}

/* On paper: all campaigns, light, as wide as the sheet. */
function printing(on) {
  document.documentElement.classList.toggle("printing", on);
  if (!on) { show(); return; }
  draw(glance, PAGE.glance, "light");
  panes.forEach((pane, i) => draw(pane, PAGE.campaigns[i], "light"));
}

/* While the campaign runs the file is written anew; whoever reads a trial, types or selects is not disturbed. */
function reloadLater() {
  const busy = dialog.open || document.activeElement?.matches("input, select") || String(getSelection()) !== "";
  if (busy || document.hidden) { setTimeout(reloadLater, 1000); return; }
  sessionStorage.setItem(KEPT, JSON.stringify(tables.map(({wanted}) => wanted)));
  location.reload();
}

/* The filters and orders of the page that has loaded itself again as this one. */
function kept() {
  const text = sessionStorage.getItem(KEPT);
  sessionStorage.removeItem(KEPT);
  return text ? JSON.parse(text) : [];
}

async function start() {
  document.documentElement.classList.add("js");
  document.body.append(dialog);
  panes.forEach(estimator);
  const wanted = kept();
  for (const [i, campaign] of PAGE.campaigns.entries()) {
    tables.push(await trialTable(panes[i].querySelector(".trials"), campaign, i, wanted[i]));
  }
  for (const link of document.querySelectorAll("a[data-trial]")) {
    const index = panes.indexOf(link.closest(".campaign"));
    link.addEventListener("click", (event) => { event.preventDefault(); openNumber(index, Number(link.dataset.trial)); });
  }
  dialog.addEventListener("close", () => history.replaceState(null, "", location.hash.split("-")[0] || "#c0"));
  addEventListener("hashchange", show);
  DARK.addEventListener("change", show);
  addEventListener("beforeprint", () => printing(true));
  addEventListener("afterprint", () => printing(false));
  show();
  if (PAGE.reload_s) setTimeout(reloadLater, 1000 * PAGE.reload_s);
  document.documentElement.dataset.ready = "yes";
}

start();
