// Sets light or dark before the first paint. A plain script, as modules run only after the page was drawn once.
'use strict';
{
  const KEY = 'gossip-theme';
  const order = ['auto', 'light', 'dark'];
  let kept = null;
  try {
    kept = localStorage.getItem(KEY);
  } catch {
    // A browser may refuse storage; the choice then lasts as long as the page.
  }
  document.documentElement.dataset.theme = order.includes(kept) ? kept : 'auto';

  document.addEventListener('DOMContentLoaded', () => {
    const button = document.getElementById('theme');
    const show = () => {
      const theme = document.documentElement.dataset.theme;
      button.dataset.theme = theme;
      const name = { auto: 'as the system', light: 'light', dark: 'dark' }[theme];
      button.setAttribute('aria-label', `Colours: ${name}. Change`);
      button.title = `Colours: ${name}`;
      document.dispatchEvent(new Event('themechange'));
    };
    button.addEventListener('click', () => {
      const next = order[(order.indexOf(document.documentElement.dataset.theme) + 1) % order.length];
      document.documentElement.dataset.theme = next;
      try {
        localStorage.setItem(KEY, next);
      } catch {
        // As above.
      }
      show();
    });
    show();
  });
}
