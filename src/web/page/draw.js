// Draws the graph on a canvas: links, ways of the chosen message, lights, nodes, names. It is told what to draw and decides
// only how it looks.

import { DASHES } from './format.js';
import { placeLabels } from './labels.js';
import { cross, disc, outline, ring } from './shapes.js';

const FONT = 'Inter, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Liberation Sans", sans-serif';

const COLOURS = [
  'sunken', 'surface', 'text', 'muted', 'accent', 'on-accent', 'edge', 'edge-own',
  'alive', 'suspect', 'down', 'left', 'unverified', 'path-first', 'path-shortest', 'path-longest',
];

/** The colours of the style sheet, as the canvas needs them. */
export function readColours() {
  const probe = document.createElement('span');
  probe.hidden = true;
  document.body.append(probe);
  const found = {};
  for (const name of COLOURS) {
    probe.style.color = `var(--${name})`;
    found[name] = getComputedStyle(probe).color;
  }
  probe.remove();
  return found;
}

export class Drawing {
  #context;
  #colours;
  #widths = new Map();

  constructor(canvas) {
    this.#context = canvas.getContext('2d');
    this.#colours = readColours();
  }

  refreshColours() {
    this.#colours = readColours();
  }

  /**
   * @param scene `camera`, `layout`, `nodes` (map), `me`, `chosen`, `hovered`, `lights`, `message` with `marks`,
   * `journey` with `at`, `ratio` of device pixels
   */
  paint(scene) {
    const { camera, ratio } = scene;
    const context = this.#context;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.fillStyle = this.#colours.sunken;
    context.fillRect(0, 0, camera.width, camera.height);
    context.lineCap = 'round';
    context.lineJoin = 'round';
    const radius = nodeRadius(camera.scale);
    const points = this.#points(scene);
    this.#links(scene, points, radius);
    this.#journey(scene, points, radius);
    if (scene.message) this.#ways(scene, points, radius);
    this.#lights(scene, points, radius);
    this.#nodes(scene, points, radius);
    this.#names(scene, points, radius);
  }

  #points({ camera, layout }) {
    return layout.keys.map((_, i) => camera.toScreen(layout.x[i], layout.y[i]));
  }

  #links({ layout, me, chosen, message, hovered }, points, radius) {
    const context = this.#context;
    const focus = layout.index.get(hovered ?? chosen);
    const own = layout.index.get(me);
    const dim = message || focus !== undefined ? 0.5 : 1;
    const stroke = (wanted, colour, width, alpha) => {
      context.beginPath();
      for (const [a, b] of layout.links) {
        if (!wanted(a, b)) continue;
        context.moveTo(...points[a]);
        context.lineTo(...points[b]);
      }
      context.strokeStyle = colour;
      context.lineWidth = width;
      context.globalAlpha = alpha;
      context.stroke();
      context.globalAlpha = 1;
    };
    const thin = Math.min(1.8, Math.max(0.6, radius * 0.14));
    const touches = (i) => (a, b) => a === i || b === i;
    stroke((a, b) => a !== own && b !== own, this.#colours.edge, thin, dim);
    stroke(touches(own), this.#colours['edge-own'], thin + 0.6, dim);
    if (focus !== undefined) stroke(touches(focus), this.#colours.text, thin + 0.6, 0.8);
  }

  /** The tree by which a message spread, as far as the journey has got. */
  #journey({ journey, layout }, points, radius) {
    if (!journey) return;
    const context = this.#context;
    context.strokeStyle = this.#colours.accent;
    // In a large network the whole tree would bury the ways to this node.
    const whole = isCrowded(layout) && journey.at >= 1;
    context.lineWidth = whole ? 0.8 : Math.max(1.4, radius * 0.3);
    context.globalAlpha = whole ? 0.25 : 0.42;
    const heads = [];
    context.beginPath();
    for (const hop of journey.line.hops) {
      const [from, to] = [points[layout.index.get(hop.from)], points[layout.index.get(hop.to)]];
      if (!from || !to || hop.begins >= journey.at) continue;
      const part = Math.min(1, (journey.at - hop.begins) / Math.max(1e-6, hop.ends - hop.begins));
      const end = between(from, to, part);
      context.moveTo(...from);
      context.lineTo(...end);
      if (part < 1) heads.push(end);
    }
    context.stroke();
    context.globalAlpha = 1;
    for (const head of heads) this.#light(head, Math.max(3, radius * 0.42), this.#colours.accent, 1);
  }

  /** All ways of the chosen message to this node, side by side where they share a link. */
  #ways({ message, marks, layout, journey }, points, radius) {
    const context = this.#context;
    // While the journey is shown, the ways would give away its end.
    const faint = journey && journey.at < 1 ? 0.22 : 1;
    const plain = message.paths.map((_, i) => i).filter((i) => !marks?.has(i)).slice(0, 24);
    const lanes = new Map();
    const size = Math.max(2, Math.min(4, radius * 0.32));
    const lane = (a, b) => {
      const name = a < b ? `${a} ${b}` : `${b} ${a}`;
      const used = lanes.get(name) ?? 0;
      lanes.set(name, used + 1);
      return (used % 2 === 0 ? used / 2 : -(used + 1) / 2) * (size + 1.5);
    };
    const drawn = [...(marks ?? [])].flatMap(([i, names]) => names.map((name) => [i, name]));
    // The first arrival is drawn last, on top.
    for (const [i, name] of [...plain.map((i) => [i, null]), ...drawn.reverse()]) {
      context.strokeStyle = name ? this.#colours[`path-${name}`] : this.#colours.accent;
      context.lineWidth = name ? size : 1.2;
      context.globalAlpha = (name ? 1 : 0.4) * faint;
      context.setLineDash(name ? DASHES[name] : []);
      const path = message.paths[i].path;
      for (let hop = 1; hop < path.length; hop += 1) {
        const [a, b] = [layout.index.get(path[hop - 1]), layout.index.get(path[hop])];
        if (a === undefined || b === undefined) continue;
        this.#way(points[a], points[b], a < b ? lane(a, b) : -lane(a, b), radius, name !== null);
      }
    }
    context.setLineDash([]);
    context.globalAlpha = 1;
  }

  #way(from, to, offset, radius, arrow) {
    const context = this.#context;
    const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
    const length = Math.hypot(dx, dy) || 1;
    const [ux, uy] = [dx / length, dy / length];
    const [ox, oy] = [-uy * offset, ux * offset];
    const a = [from[0] + ox, from[1] + oy];
    const b = [to[0] + ox, to[1] + oy];
    context.beginPath();
    context.moveTo(...a);
    context.lineTo(...b);
    context.stroke();
    if (!arrow || length < 4 * radius) return;
    const head = Math.max(4, context.lineWidth * 2);
    const [mx, my] = between(a, b, 0.56);
    context.save();
    context.setLineDash([]);
    context.fillStyle = context.strokeStyle;
    context.beginPath();
    context.moveTo(mx + ux * head, my + uy * head);
    context.lineTo(mx - ux * head - uy * head, my - uy * head + ux * head);
    context.lineTo(mx - ux * head + uy * head, my - uy * head - ux * head);
    context.fill();
    context.restore();
  }

  #lights({ lights, layout }, points, radius) {
    const context = this.#context;
    const place = (key) => points[layout.index.get(key)];
    for (const light of lights) {
      const strong = light.kind === 'message';
      const colour = strong ? this.#colours.accent : this.#colours.alive;
      context.strokeStyle = colour;
      context.lineWidth = strong ? Math.max(2, radius * 0.3) : Math.max(1.2, radius * 0.14);
      context.globalAlpha = (strong ? 0.75 : 0.45) * light.fade;
      context.beginPath();
      for (const [from, to] of light.trail) {
        if (!place(from) || !place(to)) continue;
        context.moveTo(...place(from));
        context.lineTo(...place(to));
      }
      const [from, to] = [place(light.from), place(light.to)];
      const head = from && to ? between(from, to, light.part) : null;
      if (head && !light.still) {
        context.moveTo(...from);
        context.lineTo(...head);
      }
      context.stroke();
      for (const [key, age] of light.glows) {
        if (!place(key)) continue;
        context.globalAlpha = (1 - age) * (strong ? 0.8 : 0.4);
        context.lineWidth = 2;
        ring(context, ...place(key), radius + 3 + age * (strong ? 12 : 7));
      }
      context.globalAlpha = 1;
      if (head && !light.still) this.#light(head, strong ? Math.max(3.5, radius * 0.45) : Math.max(2, radius * 0.25), colour, light.fade);
    }
  }

  #light([x, y], size, colour, alpha) {
    const context = this.#context;
    context.fillStyle = colour;
    context.globalAlpha = 0.25 * alpha;
    disc(context, x, y, size * 2);
    context.globalAlpha = alpha;
    disc(context, x, y, size);
    context.globalAlpha = 1;
  }

  #nodes(scene, points, radius) {
    const { layout, nodes, me, chosen, hovered, message, camera } = scene;
    const context = this.#context;
    const fillOf = fills(scene);
    const origin = points[layout.index.get(message?.origin)];
    if (origin) {
      context.fillStyle = this.#colours.accent;
      context.globalAlpha = 0.24;
      disc(context, ...origin, radius + Math.max(6, radius * 0.5));
      context.globalAlpha = 1;
    }
    layout.keys.forEach((key, i) => {
      const [x, y] = points[i];
      if (x < -40 || y < -40 || x > camera.width + 40 || y > camera.height + 40) return;
      const status = nodes.get(key)?.status ?? 'unverified';
      this.#node(x, y, radius, status, key === me, fillOf(key));
      if (key !== chosen && key !== hovered) return;
      context.strokeStyle = this.#colours.text;
      context.lineWidth = key === chosen ? 2 : 1;
      ring(context, x, y, radius + (key === me ? 8 : 5));
    });
  }

  #node(x, y, radius, status, own, fill) {
    const context = this.#context;
    const filled = fill !== 'none' && !isHollow(status);
    const accent = (own || (filled && fill !== 'small')) && !isHollow(status);
    const colour = this.#colours[status] ?? this.#colours.unverified;
    outline(context, x, y, radius, status);
    context.fillStyle = this.#colours.surface;
    context.fill();
    if (filled) {
      context.fillStyle = accent ? this.#colours.accent : colour;
      context.globalAlpha = fill === 'pale' ? 0.45 : 1;
      context.fill();
    }
    context.strokeStyle = accent && status !== 'suspect' ? this.#colours.accent : colour;
    context.lineWidth = Math.max(1.2, Math.min(2.4, radius * 0.18));
    context.setLineDash(status === 'left' ? [3, 3] : []);
    context.stroke();
    context.setLineDash([]);
    context.globalAlpha = 1;
    if (status === 'down') cross(context, x, y, radius * 0.5);
    if (!own) return;
    context.strokeStyle = this.#colours.accent;
    context.lineWidth = 1.6;
    ring(context, x, y, radius + 4);
  }

  #names(scene, points, radius) {
    const { layout, nodes, me, chosen, hovered, camera, message, marks, moving } = scene;
    const context = this.#context;
    const size = radius >= 19 ? 12 : 11;
    const ways = onWays(message, marks);
    const fillOf = fills(scene);
    const beside = new Set();
    for (const [a, b] of layout.links) {
      if (layout.keys[a] === (chosen ?? me)) beside.add(b);
      if (layout.keys[b] === (chosen ?? me)) beside.add(a);
    }
    const rank = (key, i) => (key === hovered || key === chosen ? 0 : key === me ? 1 : ways.has(key) ? 2 : beside.has(i) ? 3 : 4);
    const wanted = layout.keys
      .map((key, i) => ({ key, x: points[i][0], y: points[i][1], radius: radius + 1, rank: rank(key, i), important: rank(key, i) < 2, crossed: nodes.get(key)?.status === 'down' }))
      .filter(({ x, y }) => x > -20 && y > -20 && x < camera.width + 20 && y < camera.height + 20)
      .sort((a, b) => a.rank - b.rank);
    const many = wanted.length > 250;
    // Names that jump about while the picture moves are worse than none.
    const limit = many && moving ? 1 : many && radius < 4.5 ? 40 : 400;
    context.textAlign = 'center';
    context.textBaseline = 'middle';
    for (const label of placeLabels(wanted, (text, size) => this.#width(text, size), size, limit, camera)) {
      const own = label.key === me;
      context.font = `${own || label.key === chosen ? 650 : 500} ${label.size}px ${FONT}`;
      if (label.inside) {
        const solid = fillOf(label.key) === 'full' && !isHollow(nodes.get(label.key)?.status);
        context.fillStyle = solid ? this.#colours['on-accent'] : this.#colours.text;
      } else {
        context.strokeStyle = this.#colours.sunken;
        context.lineWidth = 3;
        context.strokeText(label.text, label.x, label.y + 0.5);
        context.fillStyle = own ? this.#colours.accent : ways.has(label.key) || label.key === chosen ? this.#colours.text : this.#colours.muted;
      }
      context.fillText(label.text, label.x, label.y + 0.5);
    }
  }

  #width(text, size) {
    const name = `${size} ${text}`;
    let width = this.#widths.get(name);
    if (width === undefined) {
      this.#context.font = `600 ${size}px ${FONT}`;
      width = this.#context.measureText(text).width;
      // A network's names come and go; the memory of them must not grow with it.
      if (this.#widths.size > 5_000) this.#widths.clear();
      this.#widths.set(name, width);
    }
    return width;
  }
}

/** Radius of a node on the screen. */
export function nodeRadius(scale) {
  return Math.min(21, Math.max(2.6, 11 * scale));
}

/**
 * How nodes are filled. Without a message, this node is `full`. With one, those that hold it at this point of its journey
 * are; at its end, in a crowd, they are `pale` but for those on the ways to this node, which would be buried.
 */
function fills({ journey, layout, message, marks, me, camera }) {
  if (!journey) {
    // Too small for a number, and a mere outline would be lost.
    const other = nodeRadius(camera.scale) < 7 ? 'small' : 'none';
    return (key) => (key === me ? 'full' : other);
  }
  const { line, at } = journey;
  const held = new Set([line.origin, ...line.hops.filter((hop) => hop.ends <= at).map((hop) => hop.to)]);
  const ways = at >= 1 && isCrowded(layout) ? onWays(message, marks) : null;
  return (key) => (!held.has(key) ? 'none' : ways && !ways.has(key) ? 'pale' : 'full');
}

/** A node of which nothing good is known is never filled. */
function isHollow(status) {
  return status === 'down' || status === 'left' || status === 'unverified';
}

/** The nodes on the marked ways of a message. */
function onWays(message, marks) {
  const paths = [...(marks?.keys() ?? [])].map((i) => message?.paths[i]?.path ?? []);
  return new Set(paths.flat());
}

function isCrowded(layout) {
  return layout.keys.length > 150;
}

function between([ax, ay], [bx, by], part) {
  return [ax + (bx - ax) * part, ay + (by - ay) * part];
}
