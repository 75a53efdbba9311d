import { html, type Fragment, type Html } from '../html.ts';

/** What stands around each page. */
export interface Frame {
  readonly title: string;
  /** The way to `/` from the page, relative, so that a proxy may serve it under a path of its own: `./` or `../`. */
  readonly root: './' | '../';
  /** The version of Landfall. */
  readonly version: string;
  /** A page that has something to be told is kept up to date by a stream; without scripts it is loaded anew. */
  readonly isLive: boolean;
}

/** Without scripts a live page is loaded anew after so long, in seconds. */
const RELOAD_S = 30;

/** A whole page. */
export function layOutPage({ title, root, version, isLive }: Frame, content: Fragment): string {
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <title>${title}</title>
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href="${root}page.css" />
        ${isLive ? html`<noscript><meta http-equiv="refresh" content="${RELOAD_S}" /></noscript>` : null}
        <script src="${root}page.js" defer></script>
      </head>
      <body ${isLive ? html`data-events="${root}events"` : null}>
        <a class="skip" href="#content">To the content</a>
        ${content}
        <footer>
          <p>Landfall ${version}. Times are UTC. No value from a row is shown here.</p>
        </footer>
      </body>
    </html> `;
  // Indentation is for whoever reads the source.
  return page.text.replace(/\n\s+/g, '\n');
}

/** A section of a page that a stream may bring up to date, under its heading. */
export function section(id: string, heading: string, content: Fragment): Html {
  return html`<section aria-labelledby="${id}-heading">
    <h2 id="${id}-heading">${heading}</h2>
    <div id="${id}">${content}</div>
  </section>`;
}

/** A table that may be scrolled sideways where it is too wide, also by the keyboard. */
export function scrolled(label: string, table: Html): Html {
  return html`<div class="scrolled" role="region" aria-label="${label}" tabindex="0">${table}</div>`;
}
