// Where nodes stand before the forces move them. Small graphs try many beginnings and take the one with the fewest crossings,
// which forces alone rarely find; large ones begin in rings by distance.

/** Graphs up to this size try many beginnings. */
const SMALL = 64;

/** Time for that, in milliseconds. */
const BUDGET = 60;

/** A generator of its own, so that one network is drawn alike each time. */
function generator(seed) {
  let state = seed >>> 0 || 1;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Writes beginnings into `layout.x` and `layout.y`. */
export function startPlaces(layout, length, aspect) {
  const count = layout.keys.length;
  if (count <= SMALL) manyTries(layout, length, aspect);
  else rings(layout, length);
}

function rings(layout, length) {
  const count = layout.keys.length;
  const near = neighbours(layout);
  const order = [];
  const seen = new Uint8Array(count);
  for (let start = 0; start < count; start += 1) {
    if (seen[start]) continue;
    seen[start] = 1;
    const queue = [start];
    for (const at of queue) {
      order.push(at);
      for (const next of near[at]) {
        if (seen[next]) continue;
        seen[next] = 1;
        queue.push(next);
      }
    }
  }
  // A sunflower: equal room for each.
  order.forEach((i, rank) => {
    const radius = length * 0.62 * Math.sqrt(rank + 0.5);
    layout.x[i] = radius * Math.cos(rank * 2.399963);
    layout.y[i] = radius * Math.sin(rank * 2.399963);
  });
}

function neighbours(layout) {
  const near = layout.keys.map(() => []);
  for (const [a, b] of layout.links) {
    near[a].push(b);
    near[b].push(a);
  }
  return near;
}

function manyTries(layout, length, aspect) {
  const count = layout.keys.length;
  const ideal = distances(layout);
  let best = null;
  const end = performance.now() + BUDGET;
  for (let seed = 1; seed <= 40 && (seed <= 2 || performance.now() < end); seed += 1) {
    const places = relax(count, ideal, length, aspect, generator(seed * 7_919 + count));
    const cost = crossings(layout.links, places) + 0.3 * closeness(layout.links, places, length);
    if (best === null || cost < best.cost) best = { cost, places };
    if (cost < 0.5) break;
  }
  layout.x.set(best.places.x);
  layout.y.set(best.places.y);
}

/** Hops between all pairs; between parts without a link, a little more than the longest. */
function distances(layout) {
  const count = layout.keys.length;
  const near = neighbours(layout);
  const hops = [];
  let longest = 1;
  for (let start = 0; start < count; start += 1) {
    const row = new Float64Array(count).fill(Infinity);
    row[start] = 0;
    const queue = [start];
    for (const at of queue) {
      for (const next of near[at]) {
        if (row[next] !== Infinity) continue;
        row[next] = row[at] + 1;
        longest = Math.max(longest, row[next]);
        queue.push(next);
      }
    }
    hops.push(row);
  }
  for (const row of hops) row.forEach((value, i) => value === Infinity && (row[i] = Math.min(longest, 3) + 1));
  return hops;
}

/** Makes distances on the plane like distances in hops: each pair in turn is moved to what suits it (Zheng and others, 2018). */
function relax(count, ideal, length, aspect, random) {
  const x = new Float64Array(count).map(() => (random() - 0.5) * length * Math.sqrt(count) * aspect);
  const y = new Float64Array(count).map(() => (random() - 0.5) * length * Math.sqrt(count));
  for (let round = 0, step = 1; round < 30; round += 1, step *= 0.88) {
    for (let n = 0; n < (count * (count - 1)) / 2; n += 1) {
      const a = Math.floor(random() * count);
      const b = Math.floor(random() * count);
      if (a === b) continue;
      const wanted = ideal[a][b];
      const [dx, dy] = [x[a] - x[b] || 0.01, y[a] - y[b] || 0.01];
      const distance = Math.sqrt(dx * dx + dy * dy);
      const move = (Math.min(1, (step * 4) / (wanted * wanted)) * (distance - wanted * length)) / (2 * distance);
      x[a] -= dx * move;
      y[a] -= dy * move;
      x[b] += dx * move;
      y[b] += dy * move;
    }
  }
  // The middle of all is the origin.
  const middle = (values) => values.reduce((sum, value) => sum + value, 0) / Math.max(1, count);
  const [mx, my] = [middle(x), middle(y)];
  return { x: x.map((value) => value - mx), y: y.map((value) => value - my) };
}

/** Links that cross. */
function crossings(links, { x, y }) {
  const side = (a, b, c) => Math.sign((x[b] - x[a]) * (y[c] - y[a]) - (y[b] - y[a]) * (x[c] - x[a]));
  let found = 0;
  for (let i = 0; i < links.length; i += 1) {
    const [a, b] = links[i];
    for (let j = i + 1; j < links.length; j += 1) {
      const [c, d] = links[j];
      if (a === c || a === d || b === c || b === d) continue;
      if (side(a, b, c) !== side(a, b, d) && side(c, d, a) !== side(c, d, b)) found += 1;
    }
  }
  return found;
}

/** Nodes that stand on, or too near to, a link that is not theirs. */
function closeness(links, { x, y }, length) {
  let found = 0;
  for (const [a, b] of links) {
    const [dx, dy] = [x[b] - x[a], y[b] - y[a]];
    const square = dx * dx + dy * dy || 1;
    for (let i = 0; i < x.length; i += 1) {
      if (i === a || i === b) continue;
      const along = Math.min(1, Math.max(0, ((x[i] - x[a]) * dx + (y[i] - y[a]) * dy) / square));
      const [ox, oy] = [x[i] - x[a] - along * dx, y[i] - y[a] - along * dy];
      if (ox * ox + oy * oy < (length * 0.3) ** 2) found += 1;
    }
  }
  return found;
}
