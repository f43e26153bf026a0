// The numbers of the page, and how they are computed anew when a reader edits an input.

const values = wires.map((w) => w.value);
const gradients = wires.map((w) => w.gradient);
const locals = edges.map((e) => e.local);
const contributions = edges.map((e) => e.contribution);
let edited = false;
let programFault = data.fixed || "";

// What JavaScript's own functions leave out.
const helpers = {
  power: (x, y) => (y === 0 || x === 1 || (x === -1 && Math.abs(y) === Infinity) ? 1 : Math.pow(x, y)),
  logaddexp: (x, y) => (x === y ? x + Math.LN2 : Math.max(x, y) + Math.log1p(Math.exp(-Math.abs(x - y)))),
  rint: (x) => {
    const below = Math.floor(x);
    return x - below === 0.5 ? (below % 2 ? below + 1 : below) : Math.round(x);
  },
};
const program = chainruleProgram && chainruleProgram(helpers);
const given = values.slice();

// One forward pass, then one backward pass.
function computed(inputs) {
  const v = inputs.map((x, i) => (program.values[i] ? null : numeric(x)));
  for (let i = 0; i < count; i++) if (program.values[i]) v[i] = Number(program.values[i](v));
  const g = new Array(count).fill(0);
  g[data.output] = 1;
  const slopes = [], terms = [];
  edges.forEach((edge, k) => {
    slopes[k] = Number(program.locals[k](v));
    terms[k] = g[edge.to] * slopes[k];
    g[edge.from] += terms[k];
  });
  return { v, g, slopes, terms };
}

// The page must find the numbers it was given before it computes others.
function isFaithful() {
  const { v, g } = computed(values);
  const close = (a, b) => Object.is(a, b) || a === b || Math.abs(a - b) <= 1e-9 * Math.max(1e-300, Math.abs(a), Math.abs(b)) || (Number.isNaN(a) && Number.isNaN(b));
  return v.every((x, i) => close(x, numeric(wires[i].value))) && g.every((x, i) => close(x, numeric(wires[i].gradient)));
}

function recompute() {
  const found = computed(values);
  edited = wires.some((w, i) => w.input && numeric(values[i]) !== numeric(given[i]));
  const plain = (x) => (Number.isFinite(x) ? x : Number.isNaN(x) ? "nan" : x < 0 ? "-inf" : "inf");
  found.v.forEach((x, i) => (values[i] = plain(x)));
  found.g.forEach((x, i) => (gradients[i] = plain(x)));
  found.slopes.forEach((x, k) => {
    locals[k] = plain(x);
    contributions[k] = plain(found.terms[k]);
    edges[k].text = edges[k].text && `× ${shown(locals[k], 3)}`;
    edges[k].weight = Number.isFinite(found.terms[k]) ? Math.abs(found.terms[k]) : 0;
    edges[k].sign = Math.sign(found.terms[k]) || 0;
  });
}

function setUpEditing() {
  const bar = byId("cr-inputs");
  if (program && !isFaithful()) programFault = "this browser computes other numbers than NumPy did";
  if (!program || programFault) {
    bar.hidden = !programFault;
    bar.innerHTML = programFault ? `<span class="cr-note">Inputs cannot be edited here: ${escaped(programFault)}.</span>` : "";
    return;
  }
  const inputs = wires.map((w, i) => i).filter((i) => wires[i].input);
  bar.hidden = false;
  bar.innerHTML = `${inputs.map((i) => `<label>${escaped(wires[i].name)} <input type="number" step="any" value="${given[i]}" data-input="${i}"></label>`).join("")}<button type="button" id="cr-reset" hidden>Reset</button><span class="cr-note">edit a number: both passes are computed anew</span>`;
  bar.addEventListener("input", (event) => {
    const i = Number(event.target.dataset.input);
    if (event.target.value === "" || !Number.isFinite(event.target.valueAsNumber)) return;
    values[i] = event.target.valueAsNumber;
    afterEdit();
  });
  byId("cr-reset").addEventListener("click", () => {
    inputs.forEach((i) => (values[i] = given[i]));
    bar.querySelectorAll("input").forEach((field) => (field.value = given[field.dataset.input]));
    afterEdit();
  });
}

function afterEdit() {
  recompute();
  byId("cr-reset").hidden = !edited;
  draw();
  paint();
  showPanel();
  showStrip();
  showHeading();
}
