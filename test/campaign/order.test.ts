import Database from 'better-sqlite3';
import fc from 'fast-check';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { tempFolder } from '../helpers/temp.ts';
import { compareLedger, judge } from './compare.ts';
import { feeds, spellOut, TABLES, type PlannedFile, type PlannedRow } from './feeds.ts';
import { compareVersions, endState, replay } from './oracle.ts';
import { makeGuard } from './guard.ts';
import { DATABASE, largePlan, orderCampaign, runOrderPlan, type Arrival } from './order.ts';

test('P4 P3 P5: any order of arrival ends in the same tables, with every row accounted for', async () => {
  await orderCampaign(20, 20250601, () => tempFolder());
});

test('P4 P3 P5: files of several batches, too', async () => {
  expect(await runOrderPlan(largePlan(2, 3, 9_000), tempFolder())).toEqual([]);
});

test('P4 P3 P5 P9: so it does with protected columns and checks', async () => {
  await orderCampaign(5, 20250601, () => tempFolder(), makeGuard);
});

test('P4: the closed form and the slow replay agree, whatever the order', () => {
  fc.assert(
    fc.property(feeds(), fc.infiniteStream(fc.nat()), (feed, choices) => {
      const queues = feed.map((file) => file.contents.map((_, content) => spellOut(file, content).delivery));
      const deliveries = [];
      while (queues.some((queue) => queue.length > 0)) {
        const open = queues.filter((queue) => queue.length > 0);
        const next = open[Number(choices.next().value) % open.length]?.shift();
        if (next !== undefined) deliveries.push(next);
      }
      const { statements, tables, waiters } = replay(deliveries, TABLES);
      const end = endState(statements);
      for (const table of TABLES) {
        expect(new Map(end.tables.get(table))).toEqual(new Map(tables.get(table)));
      }
      const waiting = waiters.filter((waiter) => waiter.state === 'waiting').map((waiter) => waiter.statement);
      expect(end.waiting).toEqual(waiting.toSorted(compareVersions));
    }),
    { numRuns: 200, seed: 1 },
  );
});

describe('the comparison sees what is wrong', () => {
  const row = (key: number, more: Partial<PlannedRow> = {}): PlannedRow => {
    return { key, procedure: 0, visit: 0, variant: 1, fault: null, ...more };
  };
  const feed: PlannedFile[] = [
    { dataset: 'Procedure', stamp: '20250601_060000', brackets: true, contents: [[row(0), row(1), row(1)], [row(0)]] },
    { dataset: 'Visit', stamp: '20250602_060000', brackets: true, contents: [[row(0), row(2, { procedure: 9 })]] },
    {
      dataset: 'Transaction',
      stamp: '20250602_060000',
      brackets: false,
      contents: [[row(0), row(1), row(2, { fault: 'bad_date' })]],
    },
  ];
  const arrivals = [2, 1, 0, 0].map((file): Arrival => ({ file, afresh: false, renamed: true, restart: false }));

  test.each([
    ['a value', `UPDATE visits SET status = 'x'`],
    ['a lost row', 'DELETE FROM transactions WHERE transaction_id = (SELECT max(transaction_id) FROM transactions)'],
    ['a line', 'UPDATE procedures SET source_line = source_line + 1'],
    ['a file', 'UPDATE procedures SET source_file_id = (SELECT min(file_id) FROM files)'],
    ['a stamp', `UPDATE transactions SET source_stamp = '2020-01-01T00:00:00Z'`],
    ['a lost waiting row', `DELETE FROM waiting_on; DELETE FROM rejects WHERE state = 'waiting'`],
    ['a lost dependency', 'DELETE FROM waiting_on'],
    ['a lost reject', `DELETE FROM rejects WHERE state = 'rejected'`],
    [
      'a count',
      'UPDATE files SET rows_inserted = rows_inserted - 1, rows_unchanged = rows_unchanged + 1 WHERE rows_inserted > 0',
    ],
    ['a late mark', 'UPDATE files SET late = 1 - late WHERE revision > 0'],
    ['a byte offset', `UPDATE rejects SET byte_offset = byte_offset + 1 WHERE state = 'rejected'`],
    ['a raw text', `UPDATE rejects SET raw = 'x' WHERE state = 'rejected'`],
    ['a healed state', `UPDATE rejects SET healed_as = 'updated' WHERE healed_as IS NOT NULL`],
    ['a checkpoint', `UPDATE checkpoints SET stamp = '2025-06-09T00:00:00Z'`],
    ['an orphan', `UPDATE visits SET procedure_id = 'gone'`],
  ])('%s', async (_, tampering) => {
    const folder = tempFolder();
    expect(await runOrderPlan({ feed, arrivals }, folder)).toEqual([]);
    const tampered = join(folder, 'tampered.sqlite');
    copyFileSync(join(folder, DATABASE), tampered);
    const database = new Database(tampered);
    database.pragma('foreign_keys = OFF');
    database.exec(tampering);
    expect(database.prepare<[], number>('SELECT total_changes()').pluck().get()).toBeGreaterThan(0);
    database.close();

    const spelt = feed.map((file) => file.contents.map((_content, at) => spellOut(file, at)));
    const deliveries = arrivals.flatMap((arrival, at) => spelt[arrival.file]?.[at === 3 ? 1 : 0]?.delivery ?? []);
    const expected = replay(deliveries, TABLES);
    const texts = spelt.flat().map((each) => each.text);
    const found = [...judge(tampered, expected, texts), ...compareLedger(tampered, deliveries, expected.outcomes)];
    expect(found).not.toEqual([]);
  });
});
