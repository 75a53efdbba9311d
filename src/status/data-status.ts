import type { Dataset, Feed } from '../model/feed.ts';
import type { Deliveries, Delivery } from '../store/reader.ts';
import type { Condition } from './condition.ts';
import { expectedPeriods, periodOf } from './expected-periods.ts';
import { fileConditions } from './file-conditions.ts';

/** Where the data stands: what was expected and what came. */
export interface DataStatus {
  /** The datasets of which files are expected, in the feed's order. */
  readonly datasets: readonly DatasetPeriods[];
  /** What needs someone. */
  readonly conditions: readonly Condition[];
}

/** What was expected of a dataset of late, oldest first. */
export interface DatasetPeriods {
  readonly dataset: string;
  readonly every: 'day' | 'week' | 'month';
  readonly periods: readonly PeriodStatus[];
}

/**
 * `in`: a file was loaded in time; `late`: after its deadline and grace; `quarantined`: there are only refused or held ones;
 * `missing`: there is none, and the deadline and its grace are over; `due`: there is none yet.
 */
export type PeriodState = 'in' | 'late' | 'quarantined' | 'missing' | 'due';

/** One expected delivery. */
export interface PeriodStatus {
  /** `2026-11-20`, `2026-W47` or `2026-11`. */
  readonly period: string;
  readonly state: PeriodState;
  /** ISO 8601, UTC. */
  readonly due_at: string;
  /** From then on it is told when missing: ISO 8601, UTC. */
  readonly overdue_at: string;
  /** The names that count for it. */
  readonly files: readonly string[];
}

const DAY_MS = 86_400_000;
/** So far back it is said what is missing, in days: two weeks, eight weeks, half a year. */
const LOOK_BACK = { day: 14, week: 56, month: 183 } as const;

/** From when on the ledger is needed to tell where the data stands: ISO 8601, UTC. */
export function neededSince(feed: Feed, now: Date): string {
  const days = feed.datasets.map(({ expect }) =>
    expect === null ? 0 : LOOK_BACK[expect.every] + expect.daysLater + 7,
  );
  return new Date(now.getTime() - Math.max(LOOK_BACK.day, ...days) * DAY_MS).toISOString();
}

/**
 * Says where the data stands, by the ledger alone: after a restart it is the same. Files are expected from the unit on in which the
 * database was set up, or of the oldest file in it.
 * @param rejectedShare above this share of rejected rows a file needs someone
 */
export function assessData(feed: Feed, ledger: Deliveries, rejectedShare: number, now: Date): DataStatus {
  const datasets = feed.datasets.flatMap((dataset) => periodsOf(dataset, ledger, now));
  const conditions = [
    ...datasets.flatMap(overdueConditions),
    ...incompleteConditions(datasets),
    ...fileConditions(ledger.files, rejectedShare, new Date(now.getTime() - LOOK_BACK.day * DAY_MS)),
  ];
  return { datasets, conditions };
}

function periodsOf({ name, expect }: Dataset, { since, files: deliveries }: Deliveries, now: Date): DatasetPeriods[] {
  if (expect === null || since === null) return [];
  const byPeriod = Map.groupBy(
    deliveries.filter((one) => one.dataset === name && one.stamp !== null),
    ({ stamp }) => periodOf(expect, stamp ?? ''),
  );
  const from = Math.max(Date.parse(since), now.getTime() - (LOOK_BACK[expect.every] + expect.daysLater) * DAY_MS);
  const periods = expectedPeriods(expect, new Date(from), now).map(({ period, dueAt, overdueAt }): PeriodStatus => {
    const files = byPeriod.get(period) ?? [];
    return {
      period,
      state: stateOf(files, overdueAt, now),
      due_at: dueAt.toISOString(),
      overdue_at: overdueAt.toISOString(),
      files: files.map((file) => file.name),
    };
  });
  return [{ dataset: name, every: expect.every, periods }];
}

function stateOf(files: readonly Delivery[], overdueAt: Date, now: Date): PeriodState {
  const loaded = files.flatMap(({ first_at }) => (first_at === null ? [] : [first_at]));
  if (loaded.some((at) => Date.parse(at) <= overdueAt.getTime())) return 'in';
  if (loaded.length > 0) return 'late';
  if (files.length > 0) return 'quarantined';
  return now > overdueAt ? 'missing' : 'due';
}

function overdueConditions({ dataset, periods }: DatasetPeriods): Condition[] {
  return periods
    .filter(({ state }) => state === 'missing')
    .map(({ period, due_at, overdue_at }) => ({
      id: `overdue:${dataset}:${period}`,
      kind: 'overdue',
      severity: 'error',
      ...{ dataset, file: null, period },
      text: `no ${dataset} file for ${period} has come; it was due ${shortTime(due_at)}`,
      hint: 'ask the sender for it',
      since: overdue_at,
    }));
}

/** Sets of which a part is in, and the rest is missing or refused. */
function incompleteConditions(datasets: readonly DatasetPeriods[]): Condition[] {
  const all = datasets.flatMap(({ dataset, periods }) => periods.map((period) => ({ dataset, ...period })));
  return [...Map.groupBy(all, ({ period }) => period)].flatMap(([period, set]): Condition[] => {
    const arrived = set.filter(({ state }) => state === 'in' || state === 'late');
    const lacking = set.filter(({ state }) => state === 'missing' || state === 'quarantined');
    if (arrived.length === 0 || lacking.length === 0) return [];
    const names = (some: typeof set): string => some.map(({ dataset }) => dataset).join(', ');
    return [
      {
        id: `incomplete:${period}`,
        kind: 'incomplete',
        severity: 'error',
        ...{ dataset: null, file: null, period },
        text: `the set for ${period} is incomplete: ${names(lacking)} not in, but ${names(arrived)}`,
        hint: 'rows that refer to what is missing wait for it',
        since: lacking.map((one) => one.overdue_at).sort()[0] ?? null,
      },
    ];
  });
}

/** `2026-11-21 06:00 UTC` */
function shortTime(iso: string): string {
  return `${iso.slice(0, 16).replace('T', ' ')} UTC`;
}
