import type { DataConditions } from '../findings/data-conditions.ts';
import type { Condition } from '../status/condition.ts';

/** What a message says of an alert. */
export type AlertEvent = 'opened' | 'repeated' | 'closed';

/** A condition that people are told of, and how far that is. */
export interface Alert extends Condition {
  /** ISO 8601, UTC. */
  readonly opened_at: string;
  /** Null: it lasts. */
  readonly closed_at: string | null;
  /** What each channel was last told, by its name. */
  readonly told: Readonly<Record<string, { readonly event: AlertEvent; readonly at: string }>>;
}

/** The alerts that last, and those whose end is yet to be told; by id. */
export type AlertBook = ReadonlyMap<string, Alert>;

/** When ids were acknowledged: ISO 8601, UTC. */
export type Acknowledged = ReadonlyMap<string, string>;

/**
 * Brings the alerts up to the conditions as they stand. Alerts about data stay as they are where the data is not known. Where another
 * daemon tells them, none is opened, and one that lasts is that daemon's to tell on; the end of one that was told here is told here.
 * @param now ISO 8601, UTC
 */
export function reconcile(book: AlertBook, { data, conditions }: DataConditions, now: string): AlertBook {
  const after = new Map(book);
  const still = new Set(conditions.map(({ id }) => id));
  for (const alert of book.values()) {
    if (alert.closed_at !== null || (isOfData(alert) && data === 'unknown')) continue;
    if (!still.has(alert.id)) after.set(alert.id, { ...alert, closed_at: now });
    else if (isOfData(alert) && data === 'elsewhere') after.delete(alert.id);
  }
  for (const condition of conditions) {
    if (isOfData(condition) && data === 'elsewhere') continue;
    const before = book.get(condition.id);
    const opened_at = before?.closed_at === null ? before.opened_at : now;
    after.set(condition.id, { ...condition, opened_at, closed_at: null, told: before?.told ?? {} });
  }
  return after;
}

function isOfData({ kind }: Condition): boolean {
  return kind !== 'fault' && kind !== 'daemon';
}

/** When a channel is to be told of an alert that lasts again. */
export interface Repeating {
  readonly acknowledged: Acknowledged;
  /** In ms; 0: never. */
  readonly everyMs: number;
}

/** What a channel is to be told of an alert now; null: nothing. */
export function dueEvent(alert: Alert, channel: string, repeating: Repeating, now: Date): AlertEvent | null {
  const told = alert.told[channel];
  // Also of one that was over before anyone could be told of it.
  if (alert.closed_at !== null) return told?.event === 'closed' ? null : 'closed';
  if (told === undefined || told.event === 'closed') return 'opened';
  if (repeating.everyMs === 0 || isAcknowledged(alert, repeating.acknowledged)) return null;
  return now.getTime() - Date.parse(told.at) >= repeating.everyMs ? 'repeated' : null;
}

/** Whether someone has acknowledged an alert since it opened. */
export function isAcknowledged({ id, opened_at }: Alert, acknowledged: Acknowledged): boolean {
  return (acknowledged.get(id) ?? '') >= opened_at;
}

/** Notes that a channel was told. */
export function noteTold(book: AlertBook, id: string, channel: string, event: AlertEvent, at: string): AlertBook {
  const alert = book.get(id);
  if (alert === undefined) return book;
  return new Map(book).set(id, { ...alert, told: { ...alert.told, [channel]: { event, at } } });
}

/** Leaves out what is over and was told to every channel. */
export function dropTold(book: AlertBook, channels: readonly string[]): AlertBook {
  const isDone = ({ closed_at, told }: Alert): boolean =>
    closed_at !== null && channels.every((channel) => told[channel]?.event === 'closed');
  return new Map([...book].filter(([, alert]) => !isDone(alert)));
}
