// What the reader does: select, fold, search, step, zoom, edit; and the link to a value.

function choose(item, { keepsStep = false, isLinked = true } = {}) {
  selected = item;
  if (item !== null && !isFold(item) && drawn.standing[item] !== item) reveal(item);
  showPanel();
  paint();
  if (item !== null) show(item);
  if (isLinked && item !== null && !isFold(item)) history.replaceState(null, "", `#${encodeURIComponent(wires[item].id)}`);
  if (item === null && isLinked) history.replaceState(null, "", location.pathname + location.search);
  if (!keepsStep && step < 2 * gates.length) paint();
  markStrip();
}

function reveal(wire) {
  open(parents.get(wire));
  redraw();
}

function redraw() {
  draw();
  setUpSteps(true);
  paint();
  applyView();
  showFoldButtons();
}

function toggle(fold) {
  const isOpening = !opened.has(fold);
  const corner = drawn.nodes.get(fold);
  if (isOpening) open(fold);
  else close(fold);
  redraw();
  if (isOpening && corner) {
    const first = drawn.nodes.get(foldOf(fold).items.find((i) => drawn.nodes.has(i)));
    if (first) show(foldOf(fold).items.find((i) => drawn.nodes.has(i)));
  } else if (!isOpening) show(fold);
}

function showFoldButtons() {
  byId("cr-fold-all").hidden = opened.size < 2;
  byId("cr-unfold").hidden = !drawn.items.some(isFold) || unfoldable().length === 0;
}

// Closed folds that fit on the page when they are opened, the smallest first.
function unfoldable() {
  const room = data.limit - drawn.items.length;
  return drawn.items.filter((i) => isFold(i) && foldOf(i).items.length - 1 <= room).sort((a, b) => foldOf(a).items.length - foldOf(b).items.length);
}

function showHeading() {
  byId("cr-heading").innerHTML = `${escaped(data.outcome)} ${equals(values[data.output])} ${escaped(shown(values[data.output]))}<small>the chain rule, step by step</small>`;
  byId("cr-graph-title").textContent = `Computation graph of ${data.outcome} = ${shown(values[data.output])}`;
}

function showStrip() {
  const strip = byId("cr-strip");
  const norms = data.strip.map(([wire, norm]) => [wire, wires[wire].size ? numeric(norm) : Math.abs(numeric(gradients[wire]))]).slice(0, 200);
  strip.hidden = norms.length < 2;
  const logs = norms.map(([, n]) => Math.log10(n)).filter(Number.isFinite);
  const [low, high] = [Math.min(...logs), Math.max(...logs)];
  strip.innerHTML = `<div class="cr-strip-title">gradient norms, log scale</div>${norms
    .map(([wire, norm]) => {
      const height = norm > 0 && Number.isFinite(norm) ? 6 + (36 * (Math.log10(norm) - low)) / Math.max(high - low, 0.3) : 42;
      return `<button type="button" data-go="${wire}" class="${norm > 0 ? "" : "cr-zero"}" title="${escaped(wires[wire].name)}: ${shown(norm, 4)}" aria-label="${escaped(wires[wire].name)}: norm of the gradient ${shown(norm, 4)}"><i style="height:${round(height)}px"></i><span>${escaped(brief(wires[wire].name))}</span></button>`;
    })
    .join("")}`;
}

// The end of a long path: of parameters['layers'][0]['norm'] the 0.norm.
function brief(name) {
  return name.length <= 12 ? name : name.split(/[[\].'"]+/).filter(Boolean).slice(-2).join(".");
}

function markStrip() {
  for (const button of byId("cr-strip").querySelectorAll("button")) button.setAttribute("aria-current", String(Number(button.dataset.go) === selected));
}

function setUpViews() {
  const stills = ["network", "reverse"].filter((name) => byId(`cr-view-${name}`));
  if (!stills.length) return;
  const titles = { graph: "Graph", network: "Network", reverse: "Reverse network" };
  const names = ["graph", ...stills];
  const tabs = byId("cr-tabs");
  tabs.innerHTML = names.map((name) => `<button type="button" role="tab" aria-selected="${name === "graph"}" data-view="${name}">${titles[name]}</button>`).join("");
  tabs.addEventListener("click", (event) => {
    const wanted = event.target.dataset.view;
    if (!wanted) return;
    for (const tab of tabs.children) tab.setAttribute("aria-selected", String(tab === event.target));
    for (const name of stills) byId(`cr-view-${name}`).hidden = name !== wanted;
    graph.style.display = wanted === "graph" ? "" : "none";
    document.querySelector(".cr-zoom").hidden = wanted !== "graph";
    if (wanted === "graph") applyView();
  });
}

function setUpGraph() {
  const target = (event) => event.target.closest && event.target.closest("[data-item],[data-fold]");
  let held = null;
  graph.addEventListener("click", (event) => {
    if (held && held.moved) return;
    const at = target(event);
    if (!at) return;
    activate(at);
  });
  graph.addEventListener("keydown", (event) => {
    const at = target(event);
    if (at && event.key === "Enter") activate(at);
  });
  graph.addEventListener("pointerover", (event) => {
    const at = target(event);
    const wanted = at && at.dataset.item !== undefined ? Number(at.dataset.item) : null;
    if (wanted !== lit && !(held && held.moved)) {
      lit = wanted;
      light();
    }
  });
  graph.addEventListener("pointerleave", () => {
    lit = null;
    light();
  });
  graph.addEventListener("pointerdown", (event) => {
    held = { x: event.clientX, y: event.clientY, from: { ...view }, moved: false };
  });
  window.addEventListener("pointermove", (event) => {
    if (!held || !event.buttons) return;
    const [dx, dy] = [event.clientX - held.x, event.clientY - held.y];
    if (Math.hypot(dx, dy) > 4) held.moved = true;
    if (!held.moved) return;
    graph.classList.add("cr-held");
    view.x = held.from.x - dx / view.scale;
    view.y = held.from.y - dy / view.scale;
    applyView();
  });
  window.addEventListener("pointerup", () => {
    graph.classList.remove("cr-held");
    setTimeout(() => (held = null));
  });
  graph.addEventListener("wheel", (event) => {
    event.preventDefault();
    const box = graph.getBoundingClientRect();
    if (event.ctrlKey || event.metaKey || !event.deltaX) zoom(Math.exp(-event.deltaY * 0.0015), event.clientX - box.left, event.clientY - box.top);
    else {
      view.x += event.deltaX / view.scale;
      view.y += event.deltaY / view.scale;
      applyView();
    }
  }, { passive: false });
  new ResizeObserver(applyView).observe(graph);
}

function activate(at) {
  if (at.dataset.fold !== undefined) {
    const fold = Number(at.dataset.fold);
    toggle(fold);
    choose(fold);
    return;
  }
  const item = Number(at.dataset.item);
  if (isFold(item)) toggle(item);
  choose(item, { keepsStep: true });
  if (isFold(item)) focusOn(`[data-fold="${item}"]`);
}

const focusOn = (selector) => {
  const found = graph.querySelector(selector);
  if (found) found.focus({ preventScroll: true });
};

function setUpTheme() {
  const modes = ["", "cr-light", "cr-dark"];
  let mode = 0;
  byId("cr-theme").addEventListener("click", () => {
    mode = (mode + 1) % modes.length;
    for (const place of [document.body, ...document.querySelectorAll(".cr-still svg")]) {
      place.classList.remove("cr-light", "cr-dark");
      if (modes[mode]) place.classList.add(modes[mode]);
    }
  });
}

function followLink() {
  const wanted = decodeURIComponent(location.hash.slice(1));
  const found = wanted ? wires.findIndex((w) => w.id === wanted) : -1;
  if (found >= 0) choose(found);
}

setUpEditing();
draw();
setUpSteps(false);
setUpViews();
setUpGraph();
setUpKeys();
setUpSearch();
setUpTheme();
showHeading();
showStrip();
showPanel();
paint();
fit();
showFoldButtons();
followLink();
window.addEventListener("hashchange", followLink);
document.documentElement.dataset.ready = "true";
