// Messages on their way: a light that goes from node to node along a path, as it is heard of.

/** Milliseconds that a hop is shown for; the real one takes about one. */
const HOP = { message: 240, state: 150 };

/** Milliseconds for which a node shows that something arrived. */
const GLOW = 700;

/** Lights at a time; a busy network would be nothing but light. */
const MAX_LIGHTS = { message: 40, state: 24 };

export class Travel {
  #lights = [];

  /** Sends a light along a path of keys. */
  send(path, kind, now) {
    if (path.length === 0 || this.#lights.filter((light) => light.kind === kind).length >= MAX_LIGHTS[kind]) return;
    this.#lights.push({ path, kind, begins: now, hop: HOP[kind] });
  }

  get count() {
    return this.#lights.length;
  }

  clear() {
    this.#lights = [];
  }

  /**
   * What to draw at this time: for each light its place on a hop, the hop before, and the nodes that glow.
   * @returns {{kind: string, from: ?string, to: ?string, part: number, fade: number, trail: [string, string][], glows: [string, number][], still: boolean}[]}
   */
  at(now, still) {
    this.#lights = this.#lights.filter((light) => now - light.begins < (light.path.length - 1) * light.hop + GLOW);
    return this.#lights.map((light) => {
      const hops = light.path.length - 1;
      const passed = Math.max(0, (now - light.begins) / light.hop);
      const hop = Math.min(hops - 1, Math.floor(passed));
      const travelling = passed < hops;
      const glows = [];
      for (let i = 0; i <= Math.min(hops, Math.floor(passed)); i += 1) {
        const since = now - light.begins - i * light.hop;
        if (since < GLOW) glows.push([light.path[i], since / GLOW]);
      }
      const trail = [];
      for (let i = 0; i < Math.min(hops, Math.floor(passed)); i += 1) trail.push([light.path[i], light.path[i + 1]]);
      return {
        kind: light.kind,
        from: travelling ? light.path[hop] : null,
        to: travelling ? light.path[hop + 1] : null,
        part: ease(passed - hop),
        // After the last hop the trail fades; someone who wants no motion sees only the whole way.
        fade: travelling ? 1 : Math.max(0, 1 - ((passed - hops) * light.hop) / GLOW),
        trail: still ? light.path.slice(1).map((to, i) => [light.path[i], to]) : trail,
        glows,
        still,
      };
    });
  }
}

function ease(part) {
  const bounded = Math.min(1, Math.max(0, part));
  return bounded * bounded * (3 - 2 * bounded);
}
