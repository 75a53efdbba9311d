import { setTimeout as sleep } from 'node:timers/promises';
import type { Load, TableFile } from '../contenders.ts';
import type { Context } from '../context.ts';
import { drop, type Daemon } from '../daemon.ts';
import { procedureFile, transactionFile } from '../generate.ts';
import { universeOf } from './load.ts';

/** How many rows the table holds against `--rows`, and how many of these a daily file has. */
export const TABLE_TIMES = 5;
export const DAILY_SHARE = 1 / 20;

/** The daily files of two days. Of their rows one in ten restates an older one. */
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

/** What today's file took, and yesterday's, which was the first of its kind after the daemon's start, ms. */
export interface DaysLoad extends Load {
  readonly firstMs: number;
}

/** Within 5 s of its work a daemon collects its garbage and empties the log: after this, ms, it is as it is on the next day. */
const REST_MS = 10_000;

/** Lets a daemon take a small file, then yesterday's, and come to rest; then drops today's. Times are from drop to commit. */
export async function takeDays(context: Context, daemon: Daemon, { yesterday, today }: Days): Promise<DaysLoad> {
  const take = async (path: string): Promise<number> => {
    const begun = performance.now();
    return (await daemon.ingested(drop(daemon, path))) - begun;
  };
  await take(procedureFile({ procedures: 1, visits: 0 }, '20250602_010000'));
  const firstMs = await take(yesterday.path);
  await sleep(REST_MS * Math.min(1, context.rows / 1_000_000));
  return { ms: await take(today.path), peakMib: daemon.peakMib(), firstMs };
}
