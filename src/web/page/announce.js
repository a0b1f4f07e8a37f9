// What a screen reader is told, gathered so that a busy network does not talk without end.

const PAUSE = 3_000;

let waiting = [];
let last = 0;
let timer = null;

function speak() {
  timer = null;
  last = Date.now();
  const region = document.getElementById('announce');
  const shown = waiting.slice(0, 3);
  if (waiting.length > shown.length) shown.push(`and ${waiting.length - shown.length} more`);
  waiting = [];
  region.textContent = shown.join('. ');
}

/** Says something soon. */
export function announce(text) {
  waiting.push(text);
  timer ??= setTimeout(speak, Math.max(100, last + PAUSE - Date.now()));
}

/** Says something at once, instead of what waits: the answer to a key. */
export function answer(text) {
  waiting = [text];
  clearTimeout(timer);
  speak();
}

let hiding = null;

/** Shows a line at the lower edge for some seconds, and says it. */
export function toast(text) {
  const box = document.getElementById('toast');
  box.textContent = text;
  box.hidden = false;
  clearTimeout(hiding);
  hiding = setTimeout(() => (box.hidden = true), 6_000);
  announce(text);
}
