// Both passes step by step: forward one gate at a time, then backward one gate at a time.

let gates = []; // what is computed, in forward order
let step = 0; // how many steps have been taken: 0 to 2 · gates.length
let lit = null; // the item whose paths are lit

function setUpSteps(keep) {
  const before = gates.length ? step / (2 * gates.length) : 1;
  gates = drawn.items.filter((item) => !isInput(item));
  step = keep ? Math.round(before * 2 * gates.length) : 2 * gates.length;
  byId("cr-slider").max = 2 * gates.length;
}

const current = () => (step === 0 || step > 2 * gates.length ? null : step <= gates.length ? gates[step - 1] : gates[2 * gates.length - step]);

function takenBack() {
  return new Set(gates.slice(2 * gates.length - step)); // the gates that have handed their gradient on
}

// Show values and gradients as far as the passes have come.
function paint() {
  const isBackward = step > gates.length;
  const forward = new Set(gates.slice(0, Math.min(step, gates.length)));
  const back = isBackward ? takenBack() : new Set();
  const now = step === 2 * gates.length && selected === null ? null : current();
  for (const [item, node] of drawn.nodes) {
    const wire = wireOf(item);
    const isKnown = isInput(item) || forward.has(item);
    const gradient = isBackward ? gradientSoFar(wire, back) : { text: "", partial: false };
    node.value.textContent = isKnown ? shortly(wire, values[wire], 0) : "";
    node.gradient.textContent = gradient.text;
    node.gradient.classList.toggle("cr-partial", gradient.partial);
    node.made.classList.toggle("cr-now", item === now && step < 2 * gates.length);
    node.made.classList.toggle("cr-selected", item === selected);
    const title = isFold(item) ? `${foldOf(item).title}, folded` : named(wire);
    node.made.setAttribute("aria-label", [title, isKnown && `value ${shown(values[wire])}`, gradient.text && `gradient ${shown(gradients[wire])}`].filter(Boolean).join(", "));
  }
  const total = Math.max(largest, ...edges.map((e) => e.weight || 0));
  for (const { made, path, label, route } of drawn.edges) {
    const flowing = isBackward ? route.edges.filter((k) => back.has(drawn.standing[edges[k].to])) : [];
    const weight = flowing.reduce((sum, k) => sum + (edges[k].weight || 0), 0);
    const sign = Math.sign(flowing.reduce((sum, k) => sum + (edges[k].sign || 0) * (edges[k].weight || 0), 0));
    made.classList.toggle("cr-quiet-edge", !flowing.length);
    path.setAttribute("class", `cr-wire ${sign > 0 ? "cr-plus" : sign < 0 ? "cr-minus" : weight ? "cr-plus" : "cr-none"}`);
    path.setAttribute("stroke-width", round(1.3 + 4.7 * Math.sqrt(total ? Math.min(1, weight / total) : 0)));
    if (label) label.textContent = edges[route.edges[0]].text;
  }
  light();
  byId("cr-slider").value = step;
  byId("cr-said").textContent = said();
}

function gradientSoFar(wire, back) {
  if (wire === data.output) return { text: shortly(wire, gradients[wire], 1), partial: false };
  const done = readers[wire].filter((k) => back.has(drawn.standing[edges[k].to]));
  if (!readers[wire].length || done.length === readers[wire].length) return { text: shortly(wire, gradients[wire], 1), partial: false };
  if (!done.length || !isNumber(gradients[wire])) return { text: done.length ? "…" : "", partial: true };
  return { text: `${shown(done.reduce((sum, k) => sum + numeric(contributions[k]), 0), 3)} + …`, partial: true };
}

// A number with three digits, or the short text of an array.
function shortly(wire, value, which) {
  return wires[wire].shown ? wires[wire].shown[which] : shown(value, 3);
}

function said() {
  const n = gates.length;
  if (step === 0) return "Before the first step: only the inputs have values.";
  const item = current();
  const wire = wireOf(item);
  const name = isFold(item) ? foldOf(item).title : named(wire);
  if (step <= n) return `Forward ${step} of ${n}: ${name} ${equals(values[wire])} ${wires[wire].shown ? wires[wire].shown[0] : shown(values[wire])}`;
  const handed = isFold(item) ? "" : sources[wire].map((k) => `${named(edges[k].from)} receives ${edges[k].short || shown(contributions[k], 4)}`).join(", ");
  return `Backward ${step - n} of ${n}: ${name} has ${wires[wire].shown ? wires[wire].shown[1] : shown(gradients[wire], 4)}${handed ? `; ${handed}` : ""}`;
}

function goTo(wanted, isSelecting = true) {
  step = Math.max(0, Math.min(2 * gates.length, wanted));
  if (isSelecting && current() !== null) choose(current(), { keepsStep: true });
  else paint();
}

// Light up all paths to an item and from it.
function light() {
  const of = lit ?? null;
  graph.classList.toggle("cr-lighting", of !== null);
  if (of === null) {
    graph.querySelectorAll(".cr-lit").forEach((e) => e.classList.remove("cr-lit"));
    return;
  }
  const start = isFold(of) ? wiresIn(of) : [of];
  const after = reached(start, readers, "to"), before = reached(start, sources, "from");
  const own = new Set(start);
  for (const [item, node] of drawn.nodes) node.made.classList.toggle("cr-lit", wiresIn(item).some((w) => after.has(w) || before.has(w)));
  for (const { made, route } of drawn.edges)
    made.classList.toggle("cr-lit", route.edges.some((k) => (after.has(edges[k].from) && after.has(edges[k].to)) || (before.has(edges[k].from) && before.has(edges[k].to)) || (own.has(edges[k].from) && own.has(edges[k].to))));
  graph.querySelectorAll(".cr-frame").forEach((e) => e.classList.add("cr-lit"));
}

function reached(start, next, end) {
  const found = new Set(start), stack = [...start];
  while (stack.length) for (const k of next[stack.pop()]) if (!found.has(edges[k][end])) found.add(edges[k][end]), stack.push(edges[k][end]);
  return found;
}
