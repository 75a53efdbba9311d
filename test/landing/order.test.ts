import { describe, expect, test } from 'vitest';
import { readFileName } from '../../src/feed/file-name.ts';
import { loadFeed } from '../../src/feed/load.ts';
import { createParentWait, holdFuture, orderFiles, PARENT_WAIT_MS } from '../../src/landing/order.ts';
import type { ListedFile } from '../../src/model/listed-file.ts';
import { feedFileName } from '../helpers/feed-files.ts';
import { FEED_FILE } from '../helpers/ingest.ts';

const feed = loadFeed(FEED_FILE);

function file(dataset: string, stamp: string, brackets = true): ListedFile {
  const name = feedFileName(dataset, stamp, { brackets });
  const meaning = readFileName(feed, name);
  if (meaning.kind !== 'taken') throw new Error(name);
  const stat = { bytes: 1, mtimeNs: 0n, ctimeNs: 0n, inode: 1n };
  return { name, path: `/landing/${name}`, dataset: meaning.dataset, stamp: meaning.stamp ?? '', stat };
}

test('a batch is taken parents first, then by stamp, then by name bytewise', () => {
  const ordered = [
    file('Procedure', '20260802_000000'),
    file('Visit', '20260801_000000', false),
    file('Visit', '20260801_000000'),
    file('Visit', '20260801_000001'),
    file('Transaction', '20260731_000000'),
  ];
  expect(orderFiles(feed, ordered.toReversed())).toEqual(ordered);
  expect(orderFiles(feed, ordered)).toEqual(ordered);
});

describe('rule 8: a stamp more than 48 h ahead of the clock is held', () => {
  const wall = Date.parse('2026-08-10T12:00:00Z');

  test('it is named for the ledger, and released when the time comes', () => {
    const near = file('Visit', '20260812_120000');
    const far = file('Visit', '20260812_120001');
    const dated = holdFuture([near, far], wall);
    expect(dated.due).toEqual([near]);
    expect(dated.held).toMatchObject([
      { name: far.name, state: 'quarantined', code: 'future_stamp', dataset: 'Visit', stamp: '2026-08-12T12:00:01Z' },
    ]);
    expect(dated.releaseAt).toBe(wall + 1000);
    expect(holdFuture([far], wall + 1000)).toEqual({ due: [far], held: [], releaseAt: null });
  });
});

describe('children wait for a parent file that is still being written', () => {
  const procedure = file('Procedure', '20260801_000000');
  const visit = file('Visit', '20260801_000000');
  const transaction = file('Transaction', '20260801_000000');

  test('for one that they refer to directly or through others', () => {
    const wait = createParentWait(feed);
    expect(wait.look([visit, transaction], [procedure], 0)).toEqual({
      ready: [],
      waiting: [visit, transaction],
      nextLookMs: PARENT_WAIT_MS,
    });
    expect(wait.look([procedure, visit], [transaction], 10)).toMatchObject({ ready: [procedure, visit], waiting: [] });
  });

  test('for 60 s and no longer, counted from when they were ready themselves', () => {
    const wait = createParentWait(feed);
    wait.look([visit], [procedure], 1_000);
    expect(wait.look([visit, transaction], [procedure], 60_999)).toMatchObject({ ready: [], nextLookMs: 1 });
    expect(wait.look([visit, transaction], [procedure], 61_000)).toMatchObject({
      ready: [visit],
      waiting: [transaction],
      nextLookMs: 59_999,
    });
  });

  test('once only: one that has waited long enough is not put off again', () => {
    const wait = createParentWait(feed);
    wait.look([visit], [procedure], 0);
    expect(wait.look([visit], [procedure], 60_000)).toMatchObject({ ready: [visit] });
    expect(wait.look([visit], [procedure], 62_000)).toMatchObject({ ready: [visit] });
    wait.look([], [procedure], 63_000);
    expect(wait.look([visit], [procedure], 64_000)).toMatchObject({ ready: [], nextLookMs: PARENT_WAIT_MS });
  });

  test('and not at all once the parent file has settled', () => {
    const wait = createParentWait(feed);
    wait.look([visit], [procedure], 0);
    expect(wait.look([visit, procedure], [], 5)).toEqual({ ready: [visit, procedure], waiting: [], nextLookMs: null });
  });
});
