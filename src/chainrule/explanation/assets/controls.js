// Keys, buttons, the search, and the player.

let playing = null;

function play() {
  if (playing) {
    clearInterval(playing);
    playing = null;
  } else {
    if (step >= 2 * gates.length) goTo(0);
    playing = setInterval(() => {
      goTo(step + 1);
      if (step >= 2 * gates.length) play();
    }, 900);
  }
  byId("cr-play").textContent = playing ? "Pause" : "Play";
}

const ACTIONS = {
  ArrowRight: () => goTo(step + 1),
  ArrowLeft: () => goTo(step - 1),
  Home: () => goTo(0),
  End: () => goTo(2 * gates.length),
  " ": play,
  f: fit,
  "+": () => zoom(1.25),
  "=": () => zoom(1.25),
  "-": () => zoom(0.8),
  "/": () => byId("cr-search").focus(),
  Escape: () => choose(null),
};

function setUpKeys() {
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.closest("input:not([type=range])");
    if (isTyping) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === " " && event.target.closest("button")) return;
    const action = ACTIONS[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
  const buttons = { first: "Home", back: "ArrowLeft", play: " ", next: "ArrowRight", last: "End", fit: "f", in: "+", out: "-" };
  for (const [name, key] of Object.entries(buttons)) byId(`cr-${name}`).addEventListener("click", () => ACTIONS[key]());
  byId("cr-slider").addEventListener("input", (event) => goTo(Number(event.target.value)));
  byId("cr-fold-all").addEventListener("click", () => {
    for (const fold of [...opened]) if (fold !== root) opened.delete(fold);
    redraw();
    fit();
  });
  byId("cr-unfold").addEventListener("click", () => {
    for (const fold of unfoldable()) if (visibleItems().length + foldOf(fold).items.length - 1 <= data.limit) opened.add(fold);
    redraw();
    fit();
  });
  for (const holder of [panel, byId("cr-strip")])
    holder.addEventListener("click", (event) => {
      const at = event.target.closest("[data-go],[data-toggle]");
      if (!at) return;
      if (at.dataset.go !== undefined) choose(Number(at.dataset.go));
      else toggle(Number(at.dataset.toggle)), showPanel();
    });
}

function setUpSearch() {
  const field = byId("cr-search"), list = byId("cr-found");
  const search = () => {
    const words = field.value.trim().toLowerCase();
    const holds = (...texts) => texts.some((t) => t && t.toLowerCase().includes(words));
    const byName = [], byLine = [];
    for (let i = 0; words && i < count && byName.length < 30; i++) {
      const w = wires[i];
      if (holds(w.id, w.caption)) byName.push(i);
      else if (byLine.length < 30 && holds(w.name, w.symbol, w.code, w.scope)) byLine.push(i);
    }
    const found = [...byName, ...byLine].slice(0, 30);
    list.hidden = !words;
    list.innerHTML = found.length ? found.map((i, k) => `<button type="button" role="option" aria-selected="${k === 0}" data-go="${i}">${escaped(named(i))}<small>${escaped(wires[i].code || "input")}</small></button>`).join("") : '<button type="button" disabled>nothing found</button>';
  };
  const go = (i) => {
    list.hidden = true;
    field.value = "";
    field.blur();
    choose(i);
  };
  field.addEventListener("input", search);
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    const first = list.querySelector("[data-go]");
    if (first) go(Number(first.dataset.go));
  });
  list.addEventListener("click", (event) => {
    const at = event.target.closest("[data-go]");
    if (at) go(Number(at.dataset.go));
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest(".cr-search")) list.hidden = true;
  });
}

