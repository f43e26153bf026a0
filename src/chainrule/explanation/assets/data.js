"use strict";
// What the page knows: values ("wires"), edges and folds, and which of them are visible.

const data = JSON.parse(document.getElementById("cr-data").textContent);
const wires = data.wires;
const edges = data.edges;
const count = wires.length; // an item is a wire below this number, a fold from it on
const root = count;
const opened = new Set(data.open);
const readers = wires.map(() => []); // per wire the edges to what reads it
const sources = wires.map(() => []); // per wire the edges from its arguments
edges.forEach((edge, k) => {
  readers[edge.from].push(k);
  sources[edge.to].push(k);
});

const isFold = (item) => item >= count;
const foldOf = (item) => data.folds[item - count];
const byId = (id) => document.getElementById(id);

const parents = new Map(); // per item the fold it is in
for (let i = 0; i < data.folds.length; i++)
  for (const item of data.folds[i].items) parents.set(item, count + i);

function ancestors(item) {
  const found = [];
  for (let at = parents.get(item); at !== undefined; at = parents.get(at)) found.push(at);
  return found;
}

function wiresIn(item) {
  const found = [], stack = [item];
  while (stack.length) {
    const at = stack.pop();
    if (isFold(at)) stack.push(...[...foldOf(at).items].reverse());
    else found.push(at);
  }
  return found;
}

// The items that are drawn, in forward order: wires, and folds that are closed.
function visibleItems() {
  const found = [], stack = [root];
  while (stack.length) {
    const at = stack.pop();
    if (isFold(at) && opened.has(at)) stack.push(...[...foldOf(at).items].reverse());
    else found.push(at);
  }
  return found;
}

// Per wire the item that stands for it.
function representatives(items) {
  const found = new Array(count);
  for (const item of items) for (const wire of wiresIn(item)) found[wire] = item;
  return found;
}

function open(item) {
  for (const fold of [item, ...ancestors(item)].reverse()) {
    opened.delete(fold); // what was opened last stands last
    opened.add(fold);
  }
  const kept = new Set([item, ...ancestors(item)]);
  for (const fold of [...opened]) {
    if (visibleItems().length <= data.limit) break;
    if (!kept.has(fold)) close(fold);
  }
}

function close(item) {
  for (const fold of [...opened]) if (fold === item || ancestors(fold).includes(item)) opened.delete(fold);
}

function isInput(item) {
  return !isFold(item) && Boolean(wires[item].input);
}

// The wire by which an item is known: itself, or the last one in a fold.
const wireOf = (item) => (isFold(item) ? foldOf(item).last : item);
