// Formulas: MathML with places for values, filled with names or with numbers.

const escapedOutcome = `<mi>${escaped(data.outcome)}</mi>`;

function labelOf(wire) {
  return wires[wire].label;
}

function derivativeOf(wire) {
  if (wire === data.output) return `<mfrac><mrow><mo>∂</mo>${escapedOutcome}</mrow><mrow><mo>∂</mo>${escapedOutcome}</mrow></mfrac>`;
  const label = /\s/.test(wires[wire].name) ? `<mrow><mo>(</mo>${labelOf(wire)}<mo>)</mo></mrow>` : labelOf(wire);
  return `<mfrac><mrow><mo>∂</mo>${escapedOutcome}</mrow><mrow><mo>∂</mo>${label}</mrow></mfrac>`;
}

// Put names, or with `numbers` the values, into the places of a formula; `upstream` is the wire whose gradient is `g`.
function filled(formula, { numbers = false, upstream = null } = {}) {
  const holder = document.createElement("template");
  holder.innerHTML = `<math>${formula}</math>`;
  for (let depth = 0; depth < 6; depth++) {
    const places = holder.content.querySelectorAll("[data-value]:empty,[data-upstream]:empty,[data-gradient]:empty");
    if (!places.length) break;
    for (const place of places) fillPlace(place, numbers, upstream);
  }
  if (numbers) for (const place of holder.content.querySelectorAll("[data-number]")) put(place, `<mtext>${escaped(place.dataset.number)}</mtext>`, place.dataset.number);
  return holder.innerHTML.replace("<math>", '<math displaystyle="true">');
}

function fillPlace(place, numbers, upstream) {
  if (place.dataset.value !== undefined) {
    const wire = Number(place.dataset.value);
    if (numbers) put(place, set(values[wire]), shown(values[wire]));
    else place.innerHTML = labelOf(wire);
    return;
  }
  const wire = place.dataset.upstream !== undefined ? upstream : Number(place.dataset.gradient);
  if (wire === null) place.innerHTML = "<mi>g</mi>";
  else if (numbers) put(place, set(gradients[wire]), shown(gradients[wire]));
  else place.innerHTML = derivativeOf(wire);
}

// A number that starts with a minus stands in parentheses unless it comes first.
function put(place, number, words) {
  const before = place.previousElementSibling;
  const isRaised = place.parentElement && place.parentElement.localName === "msup" && !before;
  const isBehind = before && !["(", ","].includes(before.textContent);
  place.innerHTML = words.startsWith("−") && (isRaised || isBehind) ? `<mrow><mo>(</mo>${number}<mo>)</mo></mrow>` : number;
}

const parenthesised = (inside, isNeeded) => (isNeeded ? `<mrow><mo>(</mo>${inside}<mo>)</mo></mrow>` : inside);

const signedNumber = (x) => parenthesised(set(x), shown(x).startsWith("−"));

// What an edge hands back, in symbols: local · upstream, or the product of an array step.
function termOf(edge) {
  if (edge.local === undefined) return fillUpstream(edge.formula, edge.to);
  const upstream = `<mrow data-gradient="${edge.to}"></mrow>`;
  return isOne(edge) ? upstream : `${parenthesised(edge.formula, edge.loose)}<mo>·</mo>${upstream}`;
}

const fillUpstream = (formula, wire) => formula.replaceAll("data-upstream=''", `data-gradient="${wire}"`);

const isOne = (edge) => edge.local === 1 && !edge.formula.includes("data-") && edge.formula === "<mn>1</mn>";

function termInNumbers(k) {
  const edge = edges[k];
  const upstream = signedNumber(gradients[edge.to]);
  return isOne(edge) ? upstream : `${signedNumber(locals[k])}<mo>·</mo>${upstream}`;
}
