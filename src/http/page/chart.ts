import type { RowDay, RowSums } from '../../store/reader.ts';
import { html, type Html } from '../html.ts';
import type { View } from '../view.ts';
import { scrolled } from './layout.ts';
import { counted, dayText, grouped, lastDays } from './words.ts';

/** Days that are shown. */
export const CHART_DAYS = 14;

/** From the bottom of a bar upwards. */
const OUTCOMES = [
  'inserted',
  'updated',
  'unchanged',
  'stale',
  'waiting',
  'rejected',
] as const satisfies readonly (keyof RowSums)[];

/** In units of the drawing, which is stretched to the page's width. */
const HEIGHT = 120;
const STEP = 10;
const BAR = 7;
/** What is there at all is to be seen. */
const LEAST = 1.5;

/** Rows by what became of them, a bar a day; and the same as a table. */
export function rowsChart({ findings, now }: View): Html {
  if (findings === null) return html`<p class="none">Nothing is known of it yet.</p>`;
  const byDay = new Map(findings.overview.row_days.map((one) => [one.day, one]));
  const days = lastDays(CHART_DAYS, now).map((day) => ({ day, rows: byDay.get(day) ?? null }));
  const most = Math.max(...days.map(({ rows }) => (rows === null ? 0 : sumOf(rows))));
  if (most === 0) return html`<p class="none">No file was loaded in the last ${CHART_DAYS} days.</p>`;
  const total = days.reduce((sum, { rows }) => sum + (rows === null ? 0 : sumOf(rows)), 0);
  const label = `${counted(total, 'row')} in the last ${CHART_DAYS} days, at most ${grouped(most)} a day`;
  return html`<figure class="chart">
    <figcaption>${label}</figcaption>
    <svg viewBox="0 0 ${CHART_DAYS * STEP} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${label}">
      ${days.map(({ rows }, at) => (rows === null ? null : bar(rows, at, most)))}
    </svg>
    <ol class="axis" aria-hidden="true">
      ${days.map(({ day }) => html`<li>${Number(day.slice(8))}</li>`)}
    </ol>
    <p class="legend">${OUTCOMES.map((outcome) => html`<span><i class="${outcome}"></i> ${outcome}</span>`)}</p>
    <details>
      <summary>As a table</summary>
      ${scrolled('Rows by outcome', rowsTable(days.flatMap(({ rows }) => (rows === null ? [] : [rows])).reverse()))}
    </details>
  </figure>`;
}

function sumOf(rows: RowSums): number {
  return OUTCOMES.reduce((sum, outcome) => sum + rows[outcome], 0);
}

function bar(rows: RowDay, at: number, most: number): Html[] {
  let top = HEIGHT;
  return OUTCOMES.filter((outcome) => rows[outcome] > 0).map((outcome) => {
    const height = Math.max(LEAST, (rows[outcome] * (HEIGHT - OUTCOMES.length * LEAST)) / most);
    top -= height;
    const x = at * STEP + (STEP - BAR) / 2;
    const title = `${dayText(rows.day)}: ${grouped(rows[outcome])} ${outcome}`;
    return html`<rect class="${outcome}" x="${x}" y="${top.toFixed(2)}" width="${BAR}" height="${height.toFixed(2)}"
      ><title>${title}</title></rect
    >`;
  });
}

function rowsTable(days: readonly RowDay[]): Html {
  return html`<table>
    <thead>
      <tr>
        <th scope="col">Day</th>
        ${OUTCOMES.map((outcome) => html`<th scope="col" class="number">${outcome}</th>`)}
      </tr>
    </thead>
    <tbody>
      ${days.map(
        (rows) =>
          html`<tr>
            <th scope="row">${dayText(rows.day)}</th>
            ${OUTCOMES.map((outcome) => html`<td class="number">${grouped(rows[outcome])}</td>`)}
          </tr>`,
      )}
    </tbody>
  </table>`;
}
