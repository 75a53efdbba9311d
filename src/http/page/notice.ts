import { html } from '../html.ts';
import { layOutPage } from './layout.ts';

/** A page that says one thing, such as why there is no other. */
export function noticePage(text: string, version: string): string {
  return layOutPage(
    { title: 'Landfall', root: '../', version, isLive: false },
    html`<header><h1>Landfall</h1></header>
      <main id="content"><p>${text}</p></main>`,
  );
}
