import type { Parts } from '../event-streams.ts';
import { html, type Html } from '../html.ts';
import type { View } from '../view.ts';
import { attentionList, conditionsOf, verdictOf } from './attention.ts';
import { rowsChart } from './chart.ts';
import { layOutPage, section } from './layout.ts';
import { ledgerTable } from './ledger.ts';
import { nowText } from './now.ts';
import { rejectsTable, tablesTable, waitingTable } from './rows.ts';
import { weekTable } from './week.ts';

/** The parts of the first page that change, by the ids of the elements that hold them. */
function partsOf(view: View) {
  const conditions = conditionsOf(view);
  const { level, text } = verdictOf(view, conditions);
  return {
    feed: html`${view.findings?.feed ?? ''}`,
    verdict: html`<p class="verdict ${level}">${text}</p>`,
    attention: attentionList(conditions, view.now),
    week: weekTable(view),
    now: nowText(view),
    tables: tablesTable(view),
    chart: rowsChart(view),
    waiting: waitingTable(view),
    rejects: rejectsTable(view),
    ledger: html`${ledgerTable(view.findings?.newest ?? [], './', view.now)}
      <p><a href="./files">The whole ledger</a></p>`,
  } satisfies Record<string, Html>;
}

/** What an event stream tells of the first page. */
export function partsToTell(view: View): Parts {
  const parts = Object.entries(partsOf(view)).map(([id, { text }]) => [id, text.replace(/\n\s+/g, '\n')]);
  return { ...(Object.fromEntries(parts) as Parts), title: titleOf(view) };
}

function titleOf(view: View): string {
  const { text } = verdictOf(view, conditionsOf(view));
  return `${text} – Landfall ${view.findings?.feed ?? ''}`.trim();
}

/** The first page: what is wrong, then the week, then the rest. */
export function firstPage(view: View): string {
  const { feed, verdict, attention, week, now, tables, chart, waiting, rejects, ledger } = partsOf(view);
  return layOutPage(
    { title: titleOf(view), root: './', version: view.report.version, isLive: true },
    html`<header>
        <h1>Landfall <span id="feed">${feed}</span></h1>
        <p id="connection" role="status" hidden></p>
        <div id="verdict" aria-live="polite">${verdict}</div>
      </header>
      <main id="content">
        ${section('attention', 'What needs someone', attention)} ${section('week', 'The week at a glance', week)}
        <div class="columns">${section('now', 'Now', now)} ${section('tables', 'Tables', tables)}</div>
        ${section('chart', 'Rows by outcome', chart)}
        <div class="columns">
          ${section('waiting', 'What waits', waiting)} ${section('rejects', 'Rejects by code', rejects)}
        </div>
        ${section('ledger', 'Ledger', ledger)}
      </main>`,
  );
}
