/** The daily file of today in a daemon that has taken yesterday's, on either database. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Load, TableFile } from '../contenders.ts';
import { drop, type Daemon } from '../daemon.ts';
import { procedureFile, transactionFile } from '../generate.ts';
import { type Figure, median } from '../report.ts';
import { universeOf } from './load.ts';

/** The table holds so many times `--rows`. */
export const TABLE_TIMES = 5;

/** A daily file has this share of `--rows`. */
export const DAILY_SHARE = 1 / 20;

/** The daily files of two days. One in ten of their rows restates an older one. */
export interface Days {
  readonly yesterday: TableFile;
  readonly today: TableFile;
  /** As many rows as today's, all of them new. */
  readonly allNew: TableFile;
}

/** Generates the files of `count` rows each for a table that was filled with `before` transactions. */
export function daysAfter(before: number, count: number): Days {
  const day = (from: number, restated: number, stamp: string): TableFile => {
    return { table: 'transactions', path: transactionFile({ ...universeOf(before), from, count, restated }, stamp) };
  };
  return {
    yesterday: day(before, 0.1, '20250602_020000'),
    today: day(before + count, 0.1, '20250603_020000'),
    allNew: day(before + count, 0, '20250603_020000'),
  };
}

/** What today's file took. */
export interface DaysLoad extends Load {
  /** What yesterday's took, the first daily file after the daemon's start. */
  readonly firstMs: number;
}

/** How long a daemon is left alone after yesterday's file, ms: within 5 s it has collected its garbage and emptied the log, as it has by the next day. */
const REST_MS = 10_000;

/**
 * Lets a daemon take a small file, then yesterday's, and come to rest; then drops today's. Times are from drop to commit.
 * @param atRest done before today's
 */
export async function takeDays(
  daemon: Daemon,
  { yesterday, today }: Days,
  atRest: () => Promise<unknown> = () => Promise.resolve(),
): Promise<DaysLoad> {
  const take = async (path: string): Promise<number> => {
    const begun = performance.now();
    return (await daemon.ingested(drop(daemon, path))) - begun;
  };
  await take(procedureFile({ procedures: 1, visits: 0 }, '20250602_010000'));
  const firstMs = await take(yesterday.path);
  await sleep(REST_MS);
  await atRest();
  return { ms: await take(today.path), peakMib: daemon.peakMib(), firstMs };
}

/** The figure of the first daily files of `count` rows after a start: their median. */
export function firstAfterStart(loads: readonly DaysLoad[], count: number): Figure {
  const ms = median(loads.map(({ firstMs }) => firstMs));
  return { what: 'landfall, the first after a start', rowsPerSecond: (count / ms) * 1000, ms };
}
