import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import type { Value } from '../../../src/columns/column-type.ts';
import type { FileEntry, FileTotals, RejectedRow, RowBatch } from '../../../src/store/store.ts';
import { procedure, visit } from '../../helpers/rows.ts';
import { type Desk, createBatches, describeStores, takeBatch } from './desk.ts';

const STAMP = '2026-08-01T06:00:00Z';
const NOW = new Date('2026-08-10T12:00:00Z');
const REFUSED = { line: 2, byteOffset: 0, key: 'k', code: 'bad_text', column: null, reason: 'r' } as const;
const noText = (): string => '';
const goOn = (): Promise<void> => Promise.resolve();

function entryOf(desk: Desk, name: string, more: Partial<FileEntry> = {}): FileEntry {
  const [dataset] = desk.feed.datasets;
  if (dataset === undefined) throw new Error('the feed has a dataset');
  const stat = { bytes: 1000, mtimeNs: 1n, ctimeNs: 1n, inode: 1n };
  return {
    dataset,
    name,
    revision: 1,
    stamp: STAMP,
    sha256: 'x',
    stat,
    attempts: 1,
    startedAt: NOW,
    takenAt: NOW.toISOString(),
    archivedTo: null,
    ...more,
  };
}

/** Rows of procedures, from line 2 on. */
function batchOf(desk: Desk, ...ids: string[]): RowBatch {
  const rows = createBatches(desk);
  for (const [at, id] of ids.entries()) {
    const values: Value[] = [id, 'C1', null, null, null, null];
    rows.add({ line: at + 2, byteOffset: at * 10, byteLength: 9 }, values);
  }
  return takeBatch(rows, ids.length * 10);
}

function totalsOf(counts: Partial<FileTotals['counts']>, more: Partial<FileTotals> = {}): FileTotals {
  const none = { read: 0, inserted: 0, updated: 0, unchanged: 0, stale: 0, rejected: 0, waiting: 0 };
  return {
    ...{ headerBytes: 0, rowBytes: 0, refusedBytes: 0, skippedBytes: 0, dialect: '{}', extra: '[]' },
    ...{ counts: { ...none, ...counts }, rejectCounts: {}, warnings: {}, lastRowEnded: true, ...more },
  };
}

describeStores('the transaction of a file', (openDesk) => {
  test('P2: of a load that is given up nothing stays', async () => {
    const desk = await openDesk();
    await desk.deliver('Visit', '20260801_060000', [visit('V1', 'P1')]);
    const given = new Error('given up');
    const load = desk.door.transact(entryOf(desk, 'p'), noText, async (transaction) => {
      const loaded = await transaction.load(batchOf(desk, 'P1'), goOn);
      const ended = await transaction.endRows(goOn);
      expect(loaded.inserted + ended.inserted).toBe(1);
      await transaction.heal(() => Promise.reject(given));
    });
    await expect(load).rejects.toBe(given);
    expect(await desk.column('SELECT count(*) FROM procedures')).toEqual([0]);
    expect(await desk.column('SELECT state FROM rejects')).toEqual(['waiting']);
    expect(await desk.column('SELECT count(*) FROM files')).toEqual([1]);
    expect(await desk.deliver('Procedure', '20260801_060000', [procedure('P1')])).toMatchObject({ healed: 1 });
  });

  test('P2: rows that were held back can be given up between their parts; the next file finds nothing of them', async () => {
    const desk = await openDesk();
    const given = new Error('given up');
    const load = desk.door.transact(entryOf(desk, 'p'), noText, async (transaction) => {
      await transaction.load(batchOf(desk, 'P1', 'P1', 'P1'), goOn);
      await transaction.endRows(() => Promise.reject(given));
    });
    await expect(load).rejects.toBe(given);
    expect(await desk.deliver('Procedure', '20260801_060000', [procedure('P1')])).toMatchObject({
      counts: { read: 1, inserted: 1 },
    });
  });

  test('P3 P5: a large file, whose first rows may be merged before the last are read, comes to what its rows singly come to', async () => {
    const desk = await openDesk({ batchRows: 6_000 });
    await desk.deliver('Procedure', '20260801_060000', [procedure('P1')]);
    const many = Array.from({ length: 25_000 }, (_, at) => visit(`V${at}`, at % 10_000 === 9_999 ? 'P9' : 'P1'));
    const again = [visit('V1', 'P1'), visit('V2', 'P1', { Status: 'Billed' }), visit('V3', 'P9'), visit('V9999', 'P1')];
    const loaded = await desk.deliver('Visit', '20260801_060000', [...many, ...again]);
    expect(loaded).toMatchObject({
      counts: { read: 25_004, inserted: 24_999, updated: 1, unchanged: 1, waiting: 3 },
      healed: 0,
    });
    expect(await desk.column('SELECT count(*) FROM visits')).toEqual([24_999]);
    expect(
      await desk.column(`SELECT source_line FROM visits WHERE visit_id IN ('V1', 'V2', 'V9999') ORDER BY 1`),
    ).toEqual([25_002, 25_003, 25_005]);
    const states = 'SELECT line, state FROM rejects ORDER BY line';
    expect(await desk.rows(states)).toEqual([
      { line: 10_001, state: 'superseded' },
      { line: 20_001, state: 'waiting' },
      { line: 25_004, state: 'waiting' },
    ]);
    expect(await desk.deliver('Procedure', '20260802_060000', [procedure('P9')])).toMatchObject({ healed: 2 });
    const late = Array.from({ length: 25_000 }, (_, at) => visit(`W${at}`, at === 24_900 ? 'P7' : 'P1'));
    expect(await desk.deliver('Visit', '20260802_060000', late)).toMatchObject({
      counts: { inserted: 24_999, waiting: 1 },
    });
    // All parents are there, and no key is named twice: no part needs more than to be inserted.
    const new_ = Array.from({ length: 25_000 }, (_, at) => procedure(`Q${at}`));
    expect(await desk.deliver('Procedure', '20260803_060000', new_)).toMatchObject({ counts: { inserted: 25_000 } });
  });

  test('P2: a quarantine whose rejects cannot be read leaves nothing behind', async () => {
    const desk = await openDesk();
    function* rejects(): Generator<RejectedRow> {
      yield { ...REFUSED, raw: 'a' };
      throw new Error('it changed');
    }
    const refusal = { code: 'bad_rows', reason: 'r', rejectCounts: {}, rejects: rejects() } as const;
    await expect(desk.door.quarantine(entryOf(desk, 'p'), refusal)).rejects.toThrow('it changed');
    expect(await desk.column('SELECT count(*) FROM files')).toEqual([0]);
    expect(await desk.column('SELECT count(*) FROM rejects')).toEqual([0]);
  });

  test('P6: what was refused is kept byte for byte, a NUL and bytes that are no text too', async () => {
    const desk = await openDesk();
    const raw = new Uint8Array([0x41, 0, 0xff, 0x5c, 0x80]);
    await desk.door.transact(entryOf(desk, 'p'), noText, async (transaction) => {
      await transaction.reject([
        { ...REFUSED, raw: 'a\0b' },
        { ...REFUSED, line: 3, key: null, code: 'bad_encoding', raw },
      ]);
      await transaction.load(batchOf(desk), goOn);
      await transaction.endRows(goOn);
      await transaction.complete(totalsOf({ read: 2, rejected: 2 }), NOW);
    });
    expect(await desk.rows('SELECT row_key, raw FROM rejects ORDER BY line')).toEqual([
      { row_key: 'k', raw: 'a\0b' },
      { row_key: null, raw: Buffer.from(raw) },
    ]);
  });

  test('P6: thousands of rows that wait or are refused are kept each with its own text', async () => {
    const desk = await openDesk({ batchRows: 2_500 });
    await desk.deliver('Procedure', '20260801_060000', [procedure('P1')]);
    const count = 2_100;
    await desk.deliver(
      'Visit',
      '20260801_060000',
      Array.from({ length: count }, (_, at) => visit(`V${at}`, 'P9')),
    );
    const rows = await desk.rows(`SELECT line, row_key, raw FROM rejects WHERE state = 'waiting' ORDER BY line`);
    const expected = rows.filter(
      ({ line, row_key: key, raw }) =>
        key === `V${Number(line) - 2}` && String(raw).startsWith(`V${Number(line) - 2}|P9|`),
    );
    expect(expected).toHaveLength(count);
    const refused = Array.from({ length: count }, (_, at) => ({ ...REFUSED, line: at + 2, raw: `raw ${at + 2}` }));
    await desk.door.transact(entryOf(desk, 'p'), noText, (transaction) => transaction.reject(refused.values()));
    const kept = await desk.rows(`SELECT line, raw FROM rejects WHERE state = 'rejected'`);
    expect(kept.filter(({ line, raw }) => raw === `raw ${String(line)}`)).toHaveLength(count);
  });

  test('P3 P8: a file whose counts do not add up is rolled back; the error holds no value from a row', async () => {
    const desk = await openDesk();
    const load = desk.door.transact(entryOf(desk, 'p'), noText, async (transaction) => {
      await transaction.load(batchOf(desk, 'ZQX-secret'), goOn);
      await transaction.endRows(goOn);
      await transaction.complete(totalsOf({ read: 1 }), NOW);
    });
    const error: unknown = await load.then(
      () => null,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(Error);
    expect(inspect(error, { depth: 9 })).not.toContain('ZQX');
    expect(await desk.column('SELECT count(*) FROM procedures')).toEqual([0]);
  });

  test('a file knows how the last ones of its dataset were written, and whether their last rows end', async () => {
    const desk = await openDesk();
    const known: unknown[] = [];
    for (const [at, lastRowEnded] of [true, false, null, false].entries()) {
      const name = `p${at}`;
      await desk.door.transact(entryOf(desk, name, { sha256: name }), noText, async (transaction) => {
        known.push([await transaction.lastRowsEnd(), (await transaction.lastFormat())?.extra ?? null]);
        await transaction.load(batchOf(desk), goOn);
        await transaction.endRows(goOn);
        const warnings = at === 3 ? { cut_off: { count: 1, lines: [7] } } : {};
        await transaction.complete(totalsOf({}, { lastRowEnded, extra: `["${name}"]`, warnings }), NOW);
      });
    }
    expect(known).toEqual([
      [false, null],
      [true, '["p0"]'],
      [true, '["p1"]'],
      [true, '["p2"]'],
    ]);
    expect(await desk.column(`SELECT name FROM files WHERE warnings IS NOT NULL`)).toEqual(['p3']);
    await desk.door.transact(entryOf(desk, 'last'), noText, async (transaction) => {
      expect(await transaction.lastRowsEnd()).toBe(false);
    });
  });
});
