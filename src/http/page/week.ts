import type { PeriodState } from '../../status/data-status.ts';
import type { StampDay } from '../../store/reader.ts';
import { html, type Html } from '../html.ts';
import type { View } from '../view.ts';
import { scrolled } from './layout.ts';
import { counted, grouped, lastDays, monthText, weekdayText } from './words.ts';

/** Days in the table. */
const DAYS = 7;

/** How a day of a dataset stands: as it is expected, or where it is not, by what is there. */
type DayState = PeriodState | 'none';

const STATES: Readonly<Record<DayState, { readonly sign: string; readonly words: string }>> = {
  in: { sign: '✓', words: 'in' },
  late: { sign: '↷', words: 'late' },
  quarantined: { sign: '✕', words: 'quarantined' },
  missing: { sign: '!', words: 'missing' },
  due: { sign: '…', words: 'not due yet' },
  none: { sign: '·', words: 'no file' },
};

/** The week at a glance: datasets × days, by the stamps of the files. */
export function weekTable({ findings, now }: View): Html {
  if (findings === null) return html`<p class="none">Nothing is known of it yet.</p>`;
  const days = lastDays(DAYS, now);
  const cells = new Map(findings.overview.stamp_days.map((one) => [`${one.dataset} ${one.day}`, one]));
  const expected = new Map(
    findings.data.datasets
      .filter(({ every }) => every === 'day')
      .flatMap(({ dataset, periods }) => periods.map(({ period, state }) => [`${dataset} ${period}`, state])),
  );
  const used = new Set<DayState>();
  const cellOf = (dataset: string, day: string): Html => {
    const found = cells.get(`${dataset} ${day}`);
    const state = expected.get(`${dataset} ${day}`) ?? stateOf(found);
    used.add(state);
    return dayCell(state, found);
  };
  const table = html`<table class="week">
    <thead>
      <tr>
        <th scope="col">Dataset</th>
        ${days.map(
          (day, at) =>
            html`<th scope="col" ${at === DAYS - 1 ? html`aria-current="date"` : null}>
              <abbr title="${day}"
                >${weekdayText(day)}
                <span class="day">${Number(day.slice(8))} <span class="month">${monthText(day)}</span></span></abbr
              >
            </th>`,
        )}
      </tr>
    </thead>
    <tbody>
      ${findings.status.datasets.map(
        ({ name }) =>
          html`<tr>
            <th scope="row">${name}</th>
            ${days.map((day) => cellOf(name, day))}
          </tr>`,
      )}
    </tbody>
  </table>`;
  return html`${scrolled('The week at a glance', table)}
    <p class="legend">
      ${(Object.keys(STATES) as DayState[])
        .filter((state) => used.has(state))
        .map(
          (state) =>
            html`<span class="${state}"><b aria-hidden="true">${STATES[state].sign}</b> ${STATES[state].words}</span>`,
        )}
    </p>
    ${
      findings.data.datasets.length > 0
        ? null
        : html`<p class="note">
            The feed does not say when files are due (<code>expect</code>): one that does not come is not noticed.
          </p>`
    }`;
}

function stateOf(day: StampDay | undefined): DayState {
  if (day === undefined) return 'none';
  if (day.quarantined > 0) return 'quarantined';
  return day.late === day.ingested ? 'late' : 'in';
}

function dayCell(state: DayState, day: StampDay | undefined): Html {
  const { sign, words } = STATES[state];
  const mark = html`<b aria-hidden="true">${sign}</b><span class="hidden">${words}</span>`;
  if (day === undefined) return html`<td class="${state}">${mark}</td>`;
  const { ingested, quarantined, rows, rejected } = day;
  const told = [
    ingested > 0 ? `${counted(ingested, 'file')}, ${counted(rows, 'row')}` : '',
    rejected > 0 ? `${grouped(rejected)} rejected` : '',
    quarantined > 0 ? `${counted(quarantined, 'file')} quarantined` : '',
  ].filter((text) => text !== '');
  return html`<td class="${state}">
    <a href="./files/${day.file_id}" title="${words}: ${told.join(', ')}">
      ${mark}<span class="rows">${ingested > 0 ? grouped(rows) : ''}</span>
      ${rejected > 0 ? html`<span class="flaw">${grouped(rejected)} rejected</span>` : null}
    </a>
  </td>`;
}
