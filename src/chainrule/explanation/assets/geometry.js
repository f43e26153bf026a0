// Where things stand. The layout of every fold is fixed; an open fold inside stretches the plane around it.

const PAD = 18, HEAD = 30, NODE = 58;

// A rising function that has the given slopes over intervals, the larger where they overlap, and slope 1 elsewhere.
function stretch(intervals) {
  const wide = intervals.filter(([from, to, slope]) => slope > 1 && to > from);
  const stops = [...new Set(wide.flatMap(([from, to]) => [from, to]))].sort((a, b) => a - b);
  const slopes = stops.slice(1).map((to, i) => {
    const middle = (stops[i] + to) / 2;
    return Math.max(1, ...wide.filter(([a, b]) => a < middle && middle < b).map(([, , slope]) => slope));
  });
  return (x) => {
    let moved = x;
    for (let i = 0; i < slopes.length; i++) {
      if (x <= stops[i]) break;
      moved += (slopes[i] - 1) * (Math.min(x, stops[i + 1]) - stops[i]);
    }
    return moved;
  };
}

const middle = (f, x, half) => (f(x - half) + f(x + half)) / 2;

// The size of an open fold, where its items are in it, and how its routes run.
function geometry(item) {
  const fold = foldOf(item);
  const items = fold.items.map((id, k) => {
    const [x, y] = fold.at[k];
    const [box, gate] = isFold(id) ? foldOf(id).box : wires[id].box;
    const inner = isFold(id) && opened.has(id) ? geometry(id) : null;
    const width = inner ? Math.max(inner.width + 2 * PAD, titleWidth(id)) : box;
    const height = inner ? inner.height + HEAD + PAD : NODE;
    return { id, x, y, box, gate, inner, width, height };
  });
  const grown = items.filter((i) => i.inner);
  const across = stretch(grown.map((i) => [i.x - i.box / 2, i.x + i.box / 2, i.width / i.box]));
  const down = stretch(grown.map((i) => [i.y - NODE / 2, i.y + NODE / 2, i.height / NODE]));
  const moved = items.map((i) => ({ ...i, x: middle(across, i.x, i.box / 2), y: middle(down, i.y, NODE / 2), flat: i.y }));
  const ports = new Map();
  fold.ports.forEach(([wire, side], k) => {
    const [x, y] = fold.at[items.length + k];
    ports.set(`${wire},${side}`, { x: across(x), y: down(y), side });
  });
  const portAt = fold.ports.map(([wire, side]) => ports.get(`${wire},${side}`));
  const routes = fold.routes.map((route) => {
    const points = route.points.map(([x, y]) => [across(x), down(y)]);
    points[0] = startOf(route, moved, portAt);
    points[points.length - 1] = endOf(route, moved, portAt);
    return { ...route, points };
  });
  return { id: item, items: moved, ports, routes, width: across(fold.size[0]), height: down(fold.size[1]) };
}

function startOf(route, items, ports) {
  if (route.start >= items.length) return [ports[route.start - items.length].x, ports[route.start - items.length].y];
  const item = items[route.start];
  const port = item.inner && item.inner.ports.get(`${route.wire},1`);
  return [item.x + item.width / 2, port ? item.y - item.height / 2 + HEAD + port.y : item.y];
}

function endOf(route, items, ports) {
  if (route.end >= items.length) return [ports[route.end - items.length].x, ports[route.end - items.length].y];
  const item = items[route.end];
  const port = item.inner && item.inner.ports.get(`${route.wire},-1`);
  const [, y] = route.points[route.points.length - 1];
  return [item.x - item.width / 2, port ? item.y - item.height / 2 + HEAD + port.y : item.y + y - item.flat];
}

function titleWidth(item) {
  return foldOf(item).title.length * 6.8 + 64;
}

// The path through points that leaves and enters each of them level.
function curve(points) {
  let [x, y] = points[0];
  let path = `M${round(x)} ${round(y)}`;
  for (const [a, b] of points.slice(1)) {
    const half = round((x + a) / 2);
    path += Math.abs(b - y) < 0.05 ? `H${round(a)}` : `C${half} ${round(y)} ${half} ${round(b)} ${round(a)} ${round(b)}`;
    [x, y] = [a, b];
  }
  return path;
}

const round = (x) => Math.round(x * 10) / 10;
