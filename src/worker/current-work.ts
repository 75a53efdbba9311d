import type { Events } from '../model/events.ts';
import type { CountedOutcome } from '../model/ingest.ts';
import { addToTotals, emptyTotals, type Totals } from '../model/totals.ts';
import { STARTING, type Work } from '../model/work.ts';
import type { FaultBook } from '../status/faults.ts';

/** What this worker is doing, told as `work` with each change. */
export interface CurrentWork {
  change(to: Partial<Omit<Work, 'taken' | 'faults'>>): void;
  now(): Work;
  /** What the files taken since the start have come to. */
  readonly totals: Readonly<Totals>;
}

/** Counts the files that `events` tells of, and tells what is done. */
export function createCurrentWork(events: Events, faults: FaultBook): CurrentWork {
  const totals = emptyTotals();
  let work = STARTING;

  const change: CurrentWork['change'] = (to) => {
    const { files, quarantined, rejectedRows } = totals;
    const { read: rows, inserted, updated, unchanged, stale, waiting } = totals.rows;
    const taken = { files, quarantined, rows, inserted, updated, unchanged, stale, waiting, rejectedRows };
    work = { ...work, ...to, taken, faults: faults.list() };
    events.emit('work', work);
  };

  for (const name of ['file:ingested', 'file:quarantined', 'file:unchanged'] as const) {
    events.on(name, (file: CountedOutcome) => {
      addToTotals(totals, file);
    });
  }
  for (const name of ['fault:begin', 'fault:end'] as const) {
    events.on(name, () => {
      change({});
    });
  }
  return { change, now: () => ({ ...work, faults: faults.list() }), totals };
}
