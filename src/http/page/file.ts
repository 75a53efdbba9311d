import { FILE_CODES } from '../../model/codes.ts';
import { warningsText } from '../../model/warnings.ts';
import type { RejectRow } from '../../store/reader.ts';
import { html, type Html } from '../html.ts';
import type { FilePage, ShownFile } from '../../findings/questions.ts';
import { layOutPage, scrolled } from './layout.ts';
import { ledgerTable } from './ledger.ts';
import { meaningOf } from './rows.ts';
import { breakable, grouped, sizeText, timeOf } from './words.ts';

/** A file's own page: what it is, what became of its rows, and its rejects, without their values (P8). */
export function filePage({ file, revisions, rejects, more }: FilePage, version: string, now: Date): string {
  const last = rejects.at(-1);
  return layOutPage(
    { title: `Landfall: ${file.name}`, root: '../', version, isLive: false },
    html`<header>
        <p><a href="../">Landfall</a> › <a href="../files">Ledger</a></p>
        <h1 class="name">${breakable(file.name)}</h1>
        <p><span class="state ${file.state}">${file.state}</span> ${reasonOf(file)}</p>
      </header>
      <main id="content">
        <section aria-labelledby="rows-heading">
          <h2 id="rows-heading">Rows</h2>
          ${countsTable(file)}
        </section>
        <section aria-labelledby="rejects-heading">
          <h2 id="rejects-heading">Rows not loaded</h2>
          ${rejects.length === 0 ? html`<p class="none">None.</p>` : rejectsTable(rejects, now)}
          <nav aria-label="Pages">
            ${more && last !== undefined ? html`<a href="?after=${last.line}.${last.reject_id}">More</a>` : null}
          </nav>
        </section>
        <section aria-labelledby="facts-heading">
          <h2 id="facts-heading">The file</h2>
          ${facts(file, now)}
        </section>
        ${
          revisions.length < 2
            ? null
            : html`<section aria-labelledby="revisions-heading">
                <h2 id="revisions-heading">All revisions</h2>
                ${ledgerTable(revisions, '../', now)}
              </section>`
        }
      </main>`,
  );
}

function reasonOf({ reason_code: code, reason }: ShownFile): Html | null {
  if (code === null) return null;
  const meaning = code in FILE_CODES ? FILE_CODES[code as keyof typeof FILE_CODES] : '';
  return html`<code>${code}</code> ${reason ?? meaning}`;
}

function countsTable(file: ShownFile): Html {
  const counts = [
    ['read', file.rows_read],
    ['inserted', file.rows_inserted],
    ['updated', file.rows_updated],
    ['unchanged', file.rows_unchanged],
    ['stale', file.rows_stale],
    ['rejected', file.rows_rejected],
    ['waiting', file.rows_waiting],
  ] as const;
  const table = html`<table class="counts">
    <tbody>
      ${counts.map(
        ([name, rows]) =>
          html`<tr>
            <th scope="row">${name}</th>
            <td class="number">${grouped(rows)}</td>
          </tr>`,
      )}
    </tbody>
  </table>`;
  return html`${table}
    <p class="note">As they were counted when the file was committed; what waited may be loaded since.</p>`;
}

function rejectsTable(rejects: readonly RejectRow[], now: Date): Html {
  const table = html`<table class="stack">
    <thead>
      <tr>
        <th scope="col" class="number">Line</th>
        <th scope="col">Column</th>
        <th scope="col">Code</th>
        <th scope="col">State</th>
        <th scope="col">Meaning</th>
      </tr>
    </thead>
    <tbody>
      ${rejects.map(
        (reject) =>
          html`<tr>
            <th scope="row" class="number" data-label="Line">${grouped(reject.line)}</th>
            <td data-label="Column">${reject.column_name ?? ''}</td>
            <td data-label="Code"><code>${reject.code}</code></td>
            <td data-label="State">${stateOf(reject, now)}</td>
            <td class="prose" data-label="Meaning">${meaningOf(reject.code)}</td>
          </tr>`,
      )}
    </tbody>
  </table>`;
  return scrolled('Rows not loaded', table);
}

function stateOf({ state, waits_for, settled_by, settled_at }: RejectRow, now: Date): Html {
  if (state === 'waiting') return html`waiting for ${waits_for ?? 'its parent'}`;
  if (settled_by === null || settled_at === null) return html`${state}`;
  return html`${state} by ${settled_by}, ${timeOf(settled_at, now)}`;
}

function facts(file: ShownFile, now: Date): Html {
  const { dataset, stamp, revision, bytes, sha256, attempts, late, warnings, archived_to } = file;
  const all: readonly (readonly [string, Html | string | null])[] = [
    ['Dataset', dataset],
    ['Stamp', stamp === null ? null : timeOf(stamp, now)],
    ['Revision', revision === 0 ? 'seen, but not read' : String(revision)],
    ['Late', late ? 'it came after a newer one of its dataset' : null],
    ['Warnings', warnings === null ? null : warningsText(warnings)],
    ['Size', sizeText(bytes)],
    ['SHA-256', sha256],
    ['Attempts', String(attempts)],
    ['Started', timeOf(file.started_at, now)],
    ['Finished', timeOf(file.finished_at, now)],
    ['Archived to', archived_to],
  ];
  return html`<dl class="facts">
    ${all.map(([name, value]) =>
      value === null
        ? null
        : html`<dt>${name}</dt>
            <dd>${value}</dd>`,
    )}
  </dl>`;
}
