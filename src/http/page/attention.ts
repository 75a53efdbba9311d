import type { Condition } from '../../status/condition.ts';
import { html, type Fragment, type Html } from '../html.ts';
import type { View } from '../view.ts';
import { breakable, counted, sentence, timeOf } from './words.ts';

/** Conditions that are seen at once; the others are folded away, … */
const FIRST = 6;
/** … and of more than so many their number is told alone. */
const MOST = 50;

/** Warnings about files that were loaded are told for so long, in ms: two weeks. */
const RECENT_MS = 14 * 86_400_000;

const ORDER = ['critical', 'error', 'warning'] as const;

/** What needs someone: the worst first, of that the newest. */
export function conditionsOf(view: View): readonly Condition[] {
  const all = [...view.report.conditions, ...cutOff(view)];
  return all.sort(
    (a, b) =>
      ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity) ||
      Date.parse(b.since ?? '') - Date.parse(a.since ?? '') ||
      0,
  );
}

/** Files that were loaded, but were probably cut off. */
function cutOff({ findings, now }: View): Condition[] {
  const doubtful = (findings?.status.warned.newest ?? []).filter(
    ({ warnings, finished_at }) =>
      warnings?.cut_off !== undefined && Date.parse(finished_at) > now.getTime() - RECENT_MS,
  );
  return doubtful.map(({ name, revision, dataset, finished_at }) => ({
    id: `cut_off:${name}:${revision}`,
    ...{ kind: 'volume', severity: 'warning', dataset, file: name, period: null },
    text: `${name} was loaded, but was probably cut off in its last field`,
    hint: 'check its last row; if it is cut off, ask for the file again under the same name',
    since: finished_at,
  }));
}

/** How things stand, in a word or two. */
export interface Verdict {
  readonly level: 'well' | 'warning' | 'error' | 'critical';
  readonly text: string;
}

/** What all of it comes to. */
export function verdictOf(view: View, conditions: readonly Condition[]): Verdict {
  const [worst] = conditions;
  const { heartbeat } = view.report.daemon;
  if (heartbeat?.work.doing === 'stopping') return { level: 'warning', text: 'The daemon stops' };
  if (worst === undefined) {
    if (!view.isReady) return { level: 'warning', text: 'The daemon starts' };
    return view.findings === null
      ? { level: 'warning', text: 'The database has not been read yet' }
      : { level: 'well', text: 'All is well' };
  }
  const { severity } = worst;
  if (severity === 'critical') return { level: severity, text: 'Nothing goes in' };
  const count = conditions.filter((one) => one.severity !== 'warning').length;
  if (count === 0) return { level: 'warning', text: `Have a look at ${counted(conditions.length, 'thing')}` };
  return { level: 'error', text: `${counted(count, 'thing')} ${count === 1 ? 'needs' : 'need'} someone` };
}

const KIND_WORDS: Readonly<Record<Condition['kind'], string>> = {
  fault: 'Fault',
  daemon: 'Daemon',
  export: 'Export failed',
  overdue: 'Overdue',
  incomplete: 'Incomplete',
  quarantined: 'Quarantined',
  held: 'Held',
  unrecognised: 'Not taken',
  volume: 'Doubtful',
  check: 'Doubtful',
  rejected: 'Rejected rows',
};

/** The list of what needs someone. */
export function attentionList(conditions: readonly Condition[], now: Date): Html {
  if (conditions.length === 0) return html`<p class="none">Nothing needs anyone.</p>`;
  const list = (some: readonly Condition[]): Html =>
    html`<ul class="items">
      ${some.map((condition) => conditionItem(condition, now))}
    </ul>`;
  const others = conditions.slice(FIRST, MOST);
  const untold = conditions.length - MOST;
  return html`${list(conditions.slice(0, FIRST))}
  ${
    others.length === 0
      ? null
      : html`<details>
          <summary>${conditions.length - FIRST} more</summary>
          ${list(others)} ${untold > 0 ? html`<p class="note">and ${untold} more: see landfall status</p>` : null}
        </details>`
  }`;
}

function conditionItem({ severity, kind, text, hint, file, since }: Condition, now: Date): Html {
  return html`<li class="${severity}">
    <p class="level">
      <strong>${KIND_WORDS[kind]}</strong>
      ${since === null ? null : html`<span class="since">since ${timeOf(since, now)}</span>`}
    </p>
    <p>${said(text, file)} ${hint === null ? null : html`<span class="hint">${sentence(hint)}</span>`}</p>
  </li>`;
}

/** The text as a sentence, in which the name of the file leads to its place in the ledger; it stands as it is. */
function said(text: string, file: string | null): Fragment {
  const at = file === null ? -1 : text.indexOf(file);
  if (file === null || at < 0) return sentence(text);
  const link = html`<a href="./files?name=${encodeURIComponent(file)}">${breakable(file)}</a>`;
  const before = text.slice(0, at);
  return [before.slice(0, 1).toUpperCase() + before.slice(1), link, `${text.slice(at + file.length)}.`];
}
