import { REJECT_CODES, type RejectCode } from '../../model/codes.ts';
import { html, type Html } from '../html.ts';
import type { View } from '../view.ts';
import { scrolled } from './layout.ts';
import { grouped, timeOf } from './words.ts';

/** What a code means, in a sentence; nothing for one of another version. */
export function meaningOf(code: string): string {
  return code in REJECT_CODES ? REJECT_CODES[code as RejectCode] : '';
}

/** Rows in the tables, and up to which stamp they are in. */
export function tablesTable({ findings, now }: View): Html {
  if (findings === null) return html`<p class="none">Nothing is known of it yet.</p>`;
  const table = html`<table class="stack">
    <thead>
      <tr>
        <th scope="col">Dataset</th>
        <th scope="col" class="number">Rows</th>
        <th scope="col" class="number">Waiting</th>
        <th scope="col" class="number">Rejected</th>
        <th scope="col">In up to</th>
      </tr>
    </thead>
    <tbody>
      ${findings.status.datasets.map(
        ({ name, rows, rows_waiting, rows_rejected, checkpoint }) =>
          html`<tr>
            <th scope="row">${name}</th>
            <td class="number" data-label="Rows">${grouped(rows)}</td>
            <td class="number" data-label="Waiting">${grouped(rows_waiting)}</td>
            <td class="number" data-label="Rejected">${grouped(rows_rejected)}</td>
            <td data-label="In up to">${checkpoint === null ? 'nothing yet' : timeOf(checkpoint, now)}</td>
          </tr>`,
      )}
    </tbody>
  </table>`;
  return scrolled('Tables', table);
}

/** What waits, and for which table. */
export function waitingTable({ findings }: View): Html {
  const waiting = findings?.status.waiting ?? [];
  if (waiting.length === 0) return html`<p class="none">No row waits for a parent.</p>`;
  const table = html`<table class="stack">
    <thead>
      <tr>
        <th scope="col">Waits for a row of</th>
        <th scope="col" class="number">Rows</th>
        <th scope="col" class="number">Missing parents</th>
      </tr>
    </thead>
    <tbody>
      ${waiting.map(
        ({ parent_table, rows, parents }) =>
          html`<tr>
            <th scope="row">${parent_table}</th>
            <td class="number" data-label="Rows">${grouped(rows)}</td>
            <td class="number" data-label="Missing parents">${grouped(parents)}</td>
          </tr>`,
      )}
    </tbody>
  </table>`;
  return html`${scrolled('What waits', table)}
    <p class="note">They are loaded by themselves when their parent arrives.</p>`;
}

/** Rejected rows that are open, by code. */
export function rejectsTable({ findings }: View): Html {
  const rejects = (findings?.status.rejects ?? []).filter(({ code }) => code !== 'missing_parent');
  if (rejects.length === 0) return html`<p class="none">No rejected row is open.</p>`;
  const table = html`<table class="stack">
    <thead>
      <tr>
        <th scope="col">Dataset</th>
        <th scope="col">Code</th>
        <th scope="col" class="number">Rows</th>
        <th scope="col">Meaning</th>
      </tr>
    </thead>
    <tbody>
      ${rejects.map(
        ({ dataset, code, rows }) =>
          html`<tr>
            <th scope="row">${dataset}</th>
            <td data-label="Code"><code>${code}</code></td>
            <td class="number" data-label="Rows">${grouped(rows)}</td>
            <td class="prose" data-label="Meaning">${meaningOf(code)}</td>
          </tr>`,
      )}
    </tbody>
  </table>`;
  return scrolled('Rejects by code', table);
}
