import { warningsText } from '../../model/warnings.ts';
import { html, type Html } from '../html.ts';
import type { FilesPage, ShownFile } from '../../findings/questions.ts';
import { layOutPage, scrolled } from './layout.ts';
import { breakable, grouped, timeOf } from './words.ts';

/** Which of the ledger is shown. */
export interface LedgerSearch {
  readonly before: number | null;
  readonly state: string | null;
  readonly name: string | null;
}

/** By which the ledger can be narrowed. */
export const STATES = ['ingested', 'quarantined', 'replaced', 'unrecognised'] as const;

/** Files of the ledger, newest first; `root` as in `Frame`. */
export function ledgerTable(files: readonly ShownFile[], root: './' | '../', now: Date): Html {
  if (files.length === 0) return html`<p class="none">No file yet.</p>`;
  const table = html`<table class="ledger stack">
    <thead>
      <tr>
        <th scope="col">File</th>
        <th scope="col">State</th>
        <th scope="col" class="number">Read</th>
        <th scope="col" class="number">Loaded</th>
        <th scope="col" class="number">Rejected</th>
        <th scope="col" class="number">Waiting</th>
        <th scope="col">Finished</th>
      </tr>
    </thead>
    <tbody>
      ${files.map((file) => ledgerRow(file, root, now))}
    </tbody>
  </table>`;
  return scrolled('Ledger', table);
}

function ledgerRow(file: ShownFile, root: string, now: Date): Html {
  const notes = [
    file.reason_code ?? '',
    file.late ? 'late' : '',
    file.warnings === null ? '' : warningsText(file.warnings),
  ].filter((note) => note !== '');
  const revision = file.revision > 1 ? ` (revision ${file.revision})` : '';
  return html`<tr>
    <th scope="row"><a href="${root}files/${file.file_id}">${breakable(file.name)}</a>${revision}</th>
    <td data-label="State">
      <span class="state ${file.state}">${file.state}</span>
      ${notes.length > 0 ? html`<span class="notes">${notes.join(', ')}</span>` : null}
    </td>
    <td class="number" data-label="Read">${grouped(file.rows_read)}</td>
    <td class="number" data-label="Loaded">${grouped(file.rows_inserted + file.rows_updated)}</td>
    <td class="number ${file.rows_rejected > 0 ? 'flawed' : 'zero'}" data-label="Rejected">
      ${grouped(file.rows_rejected)}
    </td>
    <td class="number ${file.rows_waiting > 0 ? '' : 'zero'}" data-label="Waiting">${grouped(file.rows_waiting)}</td>
    <td data-label="Finished">${timeOf(file.finished_at, now)}</td>
  </tr>`;
}

/** The ledger by itself, a page at a time. */
export function ledgerPage(page: FilesPage, search: LedgerSearch, version: string, now: Date): string {
  const { state, name, before } = search;
  const last = page.files.at(-1);
  const linkTo = (changes: Partial<LedgerSearch>): string => {
    const given = Object.entries({ ...search, ...changes }).flatMap(([key, value]) =>
      value === null ? [] : [[key, String(value)] as [string, string]],
    );
    return `./files?${new URLSearchParams(given).toString()}`;
  };
  return layOutPage(
    { title: 'Landfall: ledger', root: './', version, isLive: false },
    html`<header>
        <p><a href="./">Landfall</a></p>
        <h1>Ledger</h1>
      </header>
      <main id="content">
        <form action="./files" role="search">
          <label>Name holds <input name="name" value="${name ?? ''}" maxlength="200" /></label>
          <label
            >State
            <select name="state">
              <option value="">any</option>
              ${STATES.map((one) => html`<option ${one === state ? html`selected` : null}>${one}</option>`)}
            </select>
          </label>
          <button>Show</button>
        </form>
        ${page.files.length === 0 ? html`<p class="none">No file matches.</p>` : ledgerTable(page.files, './', now)}
        <nav aria-label="Pages">
          ${before === null ? null : html`<a href="${linkTo({ before: null })}">Newest</a>`}
          ${page.more && last !== undefined ? html`<a href="${linkTo({ before: last.file_id })}">Older</a>` : null}
        </nav>
      </main>`,
  );
}
