import type { Condition } from '../../status/condition.ts';
import { html, type Html } from '../html.ts';
import type { View } from '../view.ts';
import { counted, timeOf } from './words.ts';

/** Conditions that are told on the page; of the rest their number. */
const MOST = 20;

/** Warnings about files that were loaded are told for so long, in ms: two weeks. */
const RECENT_MS = 14 * 86_400_000;

const ORDER = ['critical', 'error', 'warning'] as const;

/** What needs someone, the worst first. */
export function conditionsOf(view: View): readonly Condition[] {
  const all = [...view.report.conditions, ...cutOff(view)];
  return all.sort((a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity));
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

const LEVEL_WORDS = { critical: 'Critical', error: 'Needs someone', warning: 'Have a look' } as const;

/** The list of what needs someone. */
export function attentionList(conditions: readonly Condition[], now: Date): Html {
  if (conditions.length === 0) return html`<p class="none">Nothing needs anyone.</p>`;
  const rest = conditions.length - MOST;
  return html`<ul class="items">
      ${conditions.slice(0, MOST).map((condition) => conditionItem(condition, now))}
    </ul>
    ${rest > 0 ? html`<p class="note">and ${rest} more: see landfall status</p>` : null}`;
}

function conditionItem({ severity, text, hint, file, since }: Condition, now: Date): Html {
  return html`<li class="${severity}">
    <strong class="level">${LEVEL_WORDS[severity]}</strong>
    <span>${file === null ? text : html`<a href="./files?name=${encodeURIComponent(file)}">${text}</a>`}</span>
    ${hint === null ? null : html`<span class="hint">${hint}</span>`}
    ${since === null ? null : html`<span class="since">since ${timeOf(since, now)}</span>`}
  </li>`;
}
