// Numbers as the rest of chainrule writes them: so many significant digits, and ≈ where that is not all.

function shown(x, digits = 6) {
  if (!isNumber(x)) return x; // an array's text
  const value = numeric(x);
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value < 0 ? "−inf" : "inf";
  if (value === 0) return "0";
  const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
  const power = Number(exponent);
  let text;
  if (power < -4 || power >= digits) {
    const sign = power < 0 ? "-" : "+";
    text = `${trimmed(mantissa)}e${sign}${String(Math.abs(power)).padStart(2, "0")}`;
  } else {
    text = trimmed(value.toFixed(Math.max(0, digits - 1 - power)));
  }
  return text.replace(/^-/, "−");
}

const trimmed = (text) => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);

const isNumber = (x) => typeof x === "number" || ["nan", "inf", "-inf"].includes(x);

const numeric = (x) => (x === "nan" ? NaN : x === "inf" ? Infinity : x === "-inf" ? -Infinity : Number(x));

function isExact(x, digits = 6) {
  return isNumber(x) && (Number.isNaN(numeric(x)) || Number(numeric(x).toPrecision(digits)) === numeric(x));
}

const equals = (...values) => (values.every((x) => isExact(x)) ? "=" : "≈");

// MathML of a number.
function set(x) {
  const text = shown(x);
  const match = /^(−?)([\d.]+)(?:e([+-])(\d+))?$/.exec(text);
  if (!match) return text === "inf" || text === "−inf" ? `<mrow>${text[0] === "−" ? "<mo>−</mo>" : ""}<mi>∞</mi></mrow>` : `<mtext>${escaped(text)}</mtext>`;
  const sign = match[1] ? "<mo>−</mo>" : "";
  const power = match[4] ? `<mo>×</mo><msup><mn>10</mn><mrow>${match[3] === "-" ? "<mo>−</mo>" : ""}<mn>${Number(match[4])}</mn></mrow></msup>` : "";
  return `<mrow>${sign}<mn>${match[2]}</mn>${power}</mrow>`;
}

function escaped(text) {
  return String(text).replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);
}
