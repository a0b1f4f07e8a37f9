// Brings into sight what the reader asked for, on windows that are too narrow to have everything side by side.

/** Where the panels stand below one another; as in the style sheets. */
export const STACKED = matchMedia('(max-width: 1000px)');

const STILL = matchMedia('(prefers-reduced-motion: reduce)');

/** Scrolls so that an element is in sight; nothing moves if it is, or if everything stands side by side. */
export function reveal(element, block = 'nearest') {
  if (!STACKED.matches) return;
  element.scrollIntoView({ block, behavior: STILL.matches ? 'auto' : 'smooth' });
}

/** Brings the graph into sight, with what stands below it, unless all of it is seen already. */
export function revealGraph() {
  const { top, bottom } = document.getElementById('stage').getBoundingClientRect();
  if (top < 0 || bottom > window.innerHeight) reveal(document.getElementById('graph-panel'), 'start');
}
