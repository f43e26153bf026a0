// The panel: how the selected value came about, how its gradient did, and what it hands on.

const panel = byId("cr-panel");
const MOST_TERMS = 8;
const MOST_ROWS = 60;
let selected = null;

const named = (wire) => (wire === data.output && /\s/.test(wires[wire].name) ? `${data.outcome} = ${wires[wire].name}` : wires[wire].name);

const link = (wire) => `<button type="button" class="cr-link" data-go="${wire}">${escaped(named(wire))}</button>`;

function equation(left, sign, right) {
  return `<div>${left}<math><mo>${sign}</mo></math>${right}</div>`;
}

function showPanel() {
  if (selected === null) panel.innerHTML = overview();
  else if (isFold(selected)) panel.innerHTML = foldPanel(selected);
  else panel.innerHTML = wirePanel(selected);
}

function overview() {
  const facts = data.facts.map(([name, fact]) => `<dt>${escaped(name)}</dt><dd>${escaped(fact)}</dd>`).join("");
  const rows = data.strip.slice(0, MOST_ROWS).map(([wire]) => {
    const check = data.checks.find(([name]) => name === wires[wire].name || name.startsWith(`${wires[wire].name}[`));
    const gradient = wires[wire].size ? `‖∇‖ ${shown(data.strip.find(([w]) => w === wire)[1], 4)}` : shown(gradients[wire]);
    return `<tr><td>${link(wire)}</td><td class="cr-number cr-backward-number">${escaped(gradient)}</td><td>${check && !edited ? escaped(check[3]) : ""}</td></tr>`;
  });
  const more = data.strip.length > MOST_ROWS ? `<p class="cr-place">… ${data.strip.length - MOST_ROWS} more</p>` : "";
  return `<h2>${escaped(data.outcome)} ${equals(values[data.output])} ${escaped(shown(values[data.output]))}</h2>
    <p class="cr-place">${wires.length} values, ${edges.length} edges. Click a gate to see how its value and its gradient came about.</p>
    <dl class="cr-facts">${facts}</dl>
    <h3>Gradients of the inputs</h3>
    <table><tr><th>input</th><th class="cr-number">∂${escaped(data.outcome)}/∂ input</th><th>finite difference</th></tr>${rows.join("")}</table>${more}
    <h3>Keys</h3>
    <p><kbd>←</kbd> <kbd>→</kbd> step, <kbd>Space</kbd> play, <kbd>/</kbd> search, <kbd>f</kbd> fit, <kbd>+</kbd> <kbd>−</kbd> zoom, <kbd>Esc</kbd> back here</p>`;
}

function wirePanel(wire) {
  const w = wires[wire];
  const where = [w.file && `<code>${escaped(w.file)}</code>`, w.code && `<code>${escaped(w.code)}</code>`, w.scope && escaped(w.scope)].filter(Boolean).join(" · ");
  const size = w.size ? `<p class="cr-place">${escaped(w.size)}</p>` : "";
  return `<h2>${escaped(named(wire))}</h2><p class="cr-place">${where || (w.input ? "input" : "")}</p>${size}
    <h3>Forward</h3><div class="cr-equations">${forwardEquations(wire)}</div>
    <h3>Backward</h3><div class="cr-equations">${backwardEquations(wire)}</div>${termTable(wire)}${checkOf(wire)}${handedOn(wire)}`;
}

function forwardEquations(wire) {
  const w = wires[wire];
  const name = filled(labelOf(wire));
  const value = `<span class="cr-forward-number">${filled(set(values[wire]))}</span>`;
  if (!w.formula) return equation(name, equals(values[wire]), value);
  const symbols = filled(w.formula), numbers = filled(w.formula, { numbers: true });
  const parts = [];
  if (symbols !== name) parts.push(equation(name, "=", symbols));
  if (numbers !== symbols) parts.push(equation(parts.length ? "" : name, "=", numbers));
  parts.push(equation(parts.length ? "" : name, equals(values[wire]), value));
  return parts.join("");
}

function backwardEquations(wire) {
  const name = filled(derivativeOf(wire));
  const total = `<span class="cr-backward-number">${filled(set(gradients[wire]))}</span>`;
  const terms = readers[wire].slice(0, MOST_TERMS);
  if (!terms.length) return equation(name, equals(gradients[wire]), total) + (wire === data.output ? '<p class="cr-place">the seed: here the backward pass starts</p>' : "");
  const more = readers[wire].length > MOST_TERMS ? `<mo>+</mo><mtext>… ${readers[wire].length - MOST_TERMS} more</mtext>` : "";
  const symbols = filled(terms.map((k) => termOf(edges[k])).join("<mo>+</mo>") + more);
  const parts = [equation(name, "=", symbols)];
  if (terms.every((k) => isNumber(locals[k])) && isNumber(gradients[wire])) {
    const used = terms.flatMap((k) => [locals[k], gradients[edges[k].to]]);
    parts.push(equation("", equals(...used), filled(terms.map(termInNumbers).join("<mo>+</mo>") + more)));
  }
  parts.push(equation("", equals(gradients[wire]), total));
  return parts.join("");
}

// In tables arrays are short: small ones with three digits, of others the norm.
const gradientText = (wire) => (wires[wire].shown ? wires[wire].shown[1] : shown(gradients[wire]));
const handedText = (k) => edges[k].short || shown(contributions[k]);

function termTable(wire) {
  const terms = readers[wire];
  if (!terms.length) return "";
  const rows = terms.slice(0, MOST_ROWS).map((k) => {
    const edge = edges[k];
    const local = edge.local === undefined ? filled(fillUpstream(edge.formula, edge.to)) : localCell(k);
    return `<tr><td>${link(edge.to)}</td><td class="cr-number">${escaped(gradientText(edge.to))}</td><td>${local}</td><td class="cr-number cr-backward-number">${escaped(handedText(k))}</td></tr>`;
  });
  const sum = terms.length > 1 ? `<tr class="cr-sum"><td colspan="3">where ${terms.length} paths meet they add up</td><td class="cr-number cr-backward-number">${escaped(gradientText(wire))}</td></tr>` : "";
  const more = terms.length > MOST_ROWS ? `<tr><td colspan="4">… ${terms.length - MOST_ROWS} more</td></tr>` : "";
  return `<table><tr><th>from</th><th class="cr-number">upstream</th><th>× local</th><th class="cr-number">= product</th></tr>${rows.join("")}${more}${sum}</table>`;
}

function localCell(k) {
  const number = escaped(isNumber(locals[k]) ? shown(locals[k]) : (edges[k].text || "").replace(/^× /, ""));
  const formula = filled(edges[k].formula);
  if (!number) return formula;
  return formula.includes("<mi") ? `${formula} ${equals(locals[k])} ${number}` : number;
}

function checkOf(wire) {
  const check = edited ? null : data.checks.find(([name]) => name === wires[wire].name || name.startsWith(`${wires[wire].name}[`));
  if (!check) return "";
  const [name, analytic, numericValue, verdict] = check;
  return `<h3>Finite difference</h3><p>∂${escaped(data.outcome)}/∂${escaped(name)}: ${shown(analytic)} here, ${shown(numericValue)} by a centred difference: ${escaped(verdict)}</p>`;
}

function handedOn(wire) {
  const terms = sources[wire];
  if (!terms.length) return "";
  const rows = terms.slice(0, MOST_ROWS).map((k) => `<tr><td>${link(edges[k].from)}</td><td>${edges[k].local === undefined ? filled(fillUpstream(edges[k].formula, wire)) : localCell(k)}</td><td class="cr-number cr-backward-number">${escaped(handedText(k))}</td></tr>`);
  return `<h3>Hands on</h3><table><tr><th>to</th><th>× local</th><th class="cr-number">= product</th></tr>${rows.join("")}</table>`;
}

function foldPanel(item) {
  const fold = foldOf(item);
  const inside = wiresIn(item);
  const last = inside.filter((i) => !wires[i].input).slice(-1);
  const inputs = inside.filter((i) => wires[i].input);
  const lists = [["Result", last], ["Inputs inside", inputs.slice(0, MOST_ROWS)]].filter(([, list]) => list.length);
  return `<h2><code>${escaped(fold.title)}</code></h2><p class="cr-place">${inside.length - inputs.length} steps${inputs.length ? `, ${inputs.length} inputs` : ""}</p>
    <p><button type="button" data-toggle="${item}">${opened.has(item) ? "Fold" : "Unfold"}</button></p>
    ${lists.map(([title, list]) => `<h3>${title}</h3><table>${list.map((i) => `<tr><td>${link(i)}</td><td class="cr-number cr-backward-number">${escaped(wires[i].size ? "" : shown(gradients[i]))}</td></tr>`).join("")}</table>`).join("")}`;
}
