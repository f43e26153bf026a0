// The graph as SVG: once per change of folds; steps, selection and light only change classes and texts.

const graph = byId("cr-graph");
const NS = "http://www.w3.org/2000/svg";
const drawn = { nodes: new Map(), edges: [], items: [], standing: [], width: 0, height: 0 };
const largest = Math.max(0, ...edges.map((e) => e.weight || 0));

function element(name, attributes = {}, ...children) {
  const made = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) if (value !== undefined) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function text(words, x, y, kind) {
  const made = element("text", { x: round(x), y: round(y), class: kind });
  made.textContent = words;
  return made;
}

function draw() {
  const whole = geometry(root);
  const layers = { frames: element("g"), edges: element("g"), nodes: element("g") };
  drawn.nodes.clear();
  drawn.edges = [];
  drawn.items = visibleItems();
  drawn.standing = representatives(drawn.items);
  drawn.width = whole.width;
  drawn.height = whole.height;
  place(whole, 0, 0, 0, layers);
  graph.replaceChildren(graph.querySelector("title"), layers.frames, layers.edges, layers.nodes);
}

// Draw what is in an open fold, its corner at (x, y); `margin` is the room between its border and the layout.
function place(inner, x, y, margin, layers) {
  for (const route of inner.routes) {
    const points = route.points.map(([a, b]) => [x + a, y + b]);
    const from = inner.items[route.start], to = inner.items[route.end];
    if (!from) points.unshift([points[0][0] - margin, points[0][1]]);
    if (!to) points.push([points[points.length - 1][0] + margin, points[points.length - 1][1]]);
    layers.edges.append(edgeElement(route, points, to && !to.inner && !isFold(to.id)));
  }
  for (const item of inner.items) {
    const left = x + item.x - item.width / 2, top = y + item.y - item.height / 2;
    if (!item.inner) {
      layers.nodes.append(nodeElement(item, x + item.x, y + item.y));
      continue;
    }
    layers.frames.append(frameElement(item, left, top));
    place(item.inner, left + (item.width - item.inner.width) / 2, top + HEAD, (item.width - item.inner.width) / 2, layers);
  }
}

function edgeElement(route, points, isLabelled) {
  const total = route.edges.reduce((sum, k) => sum + (edges[k].weight || 0), 0);
  const path = element("path", { d: curve(points), class: "cr-wire" });
  const made = element("g", { class: "cr-edge" }, path);
  let label = null;
  if (isLabelled && edges[route.edges[0]].text) {
    const [[x, y], [a, b]] = points.slice(-2);
    label = text(edges[route.edges[0]].text, x + (a - x) * 0.56, y + (b - y) * 0.62 - 4, "cr-local");
    made.append(label);
  }
  drawn.edges.push({ made, path, label, route, total });
  return made;
}

function nodeElement(item, x, y) {
  const fold = isFold(item.id) ? foldOf(item.id) : null;
  const wire = wires[wireOf(item.id)];
  const left = x - item.box / 2, gate = item.gate, middle = left + gate + (item.box - gate) / 2 + 2;
  const symbol = fold ? fold.title : wire.symbol;
  const caption = fold ? `${wiresIn(item.id).filter((i) => !wires[i].input).length} steps` : wire.caption || "";
  const value = text("", middle, y - 6, "cr-value"), gradient = text("", middle, y + 17, "cr-gradient");
  const made = element("g", { class: `cr-node${fold ? " cr-folded" : wire.input ? " cr-input" : ""}`, tabindex: 0, role: "button", "data-item": item.id });
  made.append(element("rect", { class: "cr-hit", x: round(left), y: round(y - NODE / 2), width: item.box, height: NODE }));
  made.append(element("path", { class: "cr-stub", d: `M${round(left + gate)} ${round(y)}H${round(left + item.box)}` }));
  if (fold) made.append(element("rect", { class: "cr-behind", x: round(left + 3), y: round(y - 13), width: gate, height: 32, rx: 8 }));
  made.append(
    element("rect", { class: "cr-gate", x: round(left), y: round(y - 16), width: gate, height: 32, rx: wire.input || fold ? 8 : 16 }),
    text(symbol, left + gate / 2, y + 0.5, "cr-symbol"),
    text(caption, left + gate / 2, y + (fold ? 34 : 30), "cr-name"),
    value,
    gradient,
  );
  if (fold) {
    made.append(element("circle", { class: "cr-badge", cx: round(left + gate), cy: round(y - 16), r: 8 }), text("+", left + gate, y - 16, "cr-badge-sign"));
    made.setAttribute("aria-expanded", "false");
  }
  drawn.nodes.set(item.id, { made, value, gradient, x, y });
  return made;
}

function frameElement(item, left, top) {
  const fold = foldOf(item.id);
  const head = element(
    "g",
    { class: "cr-frame-head", tabindex: 0, role: "button", "aria-expanded": "true", "aria-label": `${fold.title}: fold`, "data-fold": item.id },
    element("rect", { class: "cr-frame-button", x: round(left + 8), y: round(top + 6), width: 18, height: 18, rx: 5 }),
    text("−", left + 17, top + 19, "cr-frame-title"),
    text(fold.title, left + 33, top + 19, "cr-frame-title"),
  );
  head.querySelector("text").setAttribute("text-anchor", "middle");
  return element("g", { class: "cr-frame" }, element("rect", { x: round(left), y: round(top), width: round(item.width), height: round(item.height), rx: 12 }), head);
}

// The part of the plane that is shown.
const view = { x: 0, y: 0, scale: 1 };

function applyView() {
  const { width, height } = graph.getBoundingClientRect();
  if (width && height) graph.setAttribute("viewBox", `${view.x} ${view.y} ${width / view.scale} ${height / view.scale}`);
}

function fit() {
  const { width, height } = graph.getBoundingClientRect();
  const margin = 40, whole = [drawn.width + 2 * margin, drawn.height + 2 * margin];
  view.scale = Math.max(0.6, Math.min(1.4, width / whole[0], height / whole[1]));
  view.x = whole[0] * view.scale <= width ? drawn.width / 2 - width / view.scale / 2 : -margin;
  view.y = drawn.height / 2 - height / view.scale / 2;
  applyView();
}

function zoom(factor, x, y) {
  const { width, height } = graph.getBoundingClientRect();
  const [px, py] = [x ?? width / 2, y ?? height / 2];
  const scale = Math.max(0.08, Math.min(4, view.scale * factor));
  view.x += px / view.scale - px / scale;
  view.y += py / view.scale - py / scale;
  view.scale = scale;
  applyView();
}

// Move the view so that a node is on it.
function show(item) {
  const node = drawn.nodes.get(item);
  if (!node) return;
  const { width, height } = graph.getBoundingClientRect();
  const [w, h] = [width / view.scale, height / view.scale];
  const margin = 90 / view.scale;
  if (node.x < view.x + margin || node.x > view.x + w - margin) view.x = node.x - w / 2;
  if (node.y < view.y + margin || node.y > view.y + h - margin) view.y = node.y - h / 2;
  applyView();
}
