import { expect, onTestFinished, test } from 'vitest';
import { LandfallError } from '../../../src/model/errors.ts';
import { openReader } from '../../../src/store/open.ts';
import type { Search, StoreReader } from '../../../src/store/reader.ts';
import { feedFileName, feedFileText } from '../../helpers/feed-files.ts';
import { procedure, transaction, visit } from '../../helpers/rows.ts';
import { type ReadDesk, describeReadStores } from './reading.ts';

const ALL: Search = { states: [], codes: [], name: null, since: null, limit: null };

async function readerOf({ place }: ReadDesk): Promise<StoreReader> {
  const reader = await openReader(place.db, place.feed);
  onTestFinished(() => reader.close());
  return reader;
}

/** More of them than a store reads at a time. */
const MANY = 130;

/** As many rows that are refused, which come with their lines. */
const refusedRows = (many: number): string[] => Array.from({ length: many }, (_, at) => `P${at}|short`);

describeReadStores('the reader', (open) => {
  /** A correction, a late file, a file that is refused, rows that wait, and one that healed. */
  async function openEventful(): Promise<ReadDesk> {
    const desk = await open();
    await desk.deliver('Visit', '20260801_060000', [visit('V1', 'P1'), visit('V2', 'P2')]);
    await desk.deliver('Procedure', '20260802_060000', [procedure('P1'), 'P3|C1|||dear|']);
    await desk.deliver('Procedure', '20260801_060000', [procedure('P4')]);
    await desk.deliver('Procedure', '20260802_060000', [procedure('P1', 'second'), 'P3|C1|||dearer|']);
    await desk.deliver('Transaction', '20260801_060000', ['x|y'], { columns: ['x', 'y'] });
    return desk;
  }

  test('lists every revision of every file, newest first, and narrows by all that a search says', async () => {
    const reader = await readerOf(await openEventful());
    const find = async (search: Partial<Search>): Promise<string[]> =>
      (await Array.fromAsync(reader.files({ ...ALL, ...search }))).map(
        (file) => `${file.dataset ?? ''} ${(file.stamp ?? '').slice(0, 10)} ${file.revision} ${file.state}`,
      );
    const [refused, corrected, late, replaced, first] = [
      'Transaction 2026-08-01 1 quarantined',
      'Procedure 2026-08-02 2 ingested',
      'Procedure 2026-08-01 1 ingested',
      'Procedure 2026-08-02 1 replaced',
      'Visit 2026-08-01 1 ingested',
    ];
    expect(await find({})).toEqual([refused, corrected, late, replaced, first]);
    expect(await find({ states: ['replaced', 'quarantined'] })).toEqual([refused, replaced]);
    expect(await find({ codes: ['no_header', 'missing_column'] })).toEqual([refused]);
    expect(await find({ name: 'Procedure_[20260802' })).toEqual([corrected, replaced]);
    expect(await find({ name: 'Procedure_', states: ['ingested'], limit: 1 })).toEqual([corrected]);
    expect(await find({ since: '2026-08-10T12:00:00.000Z' })).toHaveLength(5);
    expect(await find({ since: '2026-08-10T12:00:00.001Z' })).toEqual([]);
  });

  test('P3: gives a file with its counts and its JSON unfolded', async () => {
    const reader = await readerOf(await openEventful());
    const [file] = await Array.fromAsync(reader.files({ ...ALL, states: ['replaced'] }));
    expect(file).toMatchObject({
      ...{ late: false, rows_read: 2, rows_inserted: 1, rows_rejected: 1, rows_waiting: 0 },
      ...{ reject_counts: { bad_money: 1 }, dialect: { delimiter: '|' }, extra: [], warnings: null },
    });
  });

  test('lists rejects by file, newest first, in line order, and of the open ones just those', async () => {
    const reader = await readerOf(await openEventful());
    const find = async (search: Partial<Search>): Promise<string[]> =>
      (await Array.fromAsync(reader.rejects({ ...ALL, ...search }, false))).map(
        ({ dataset, revision, line, state, code }) => `${dataset} ${revision} ${line} ${state} ${code}`,
      );
    const waiting = 'Visit 1 3 waiting missing_parent';
    expect(await find({ states: ['open'] })).toEqual(['Procedure 2 3 rejected bad_money', waiting]);
    expect(await find({})).toEqual([
      'Procedure 2 3 rejected bad_money',
      'Procedure 1 3 rejected bad_money',
      'Visit 1 2 healed missing_parent',
      waiting,
    ]);
    expect(await find({ codes: ['missing_parent'], states: ['waiting'] })).toEqual([waiting]);
    expect(await find({ states: ['healed', 'waiting'], limit: 1 })).toEqual(['Visit 1 2 healed missing_parent']);
    const [, , healed, waits] = await Array.fromAsync(reader.rejects(ALL, false));
    expect(healed).toMatchObject({ waits_for: null, settled_by: feedFileName('Procedure', '20260802_060000') });
    expect(waits).toMatchObject({ waits_for: 'procedures', settled_by: null, settled_at: null });
  });

  test('goes on behind a place of a list, page by page, and begins with the rejects of one file', async () => {
    const reader = await readerOf(await openEventful());
    const files = await Array.fromAsync(reader.files(ALL));
    const rejects = await Array.fromAsync(reader.rejects(ALL, false));
    for (const [at, { file_id }] of files.entries()) {
      const after = { file_id, line: 0, reject_id: 0 };
      expect(await Array.fromAsync(reader.files({ ...ALL, after }))).toEqual(files.slice(at + 1));
      const ofFile = rejects.filter((reject) => reject.file_id <= file_id);
      expect(await Array.fromAsync(reader.rejects({ ...ALL, after }, false))).toEqual(ofFile);
    }
    for (const [at, after] of rejects.entries())
      expect(await Array.fromAsync(reader.rejects({ ...ALL, after }, false))).toEqual(rejects.slice(at + 1));
  });

  test('P3: sums up what was ever ingested, by dataset and by day, corrections too', async () => {
    const reader = await readerOf(await openEventful());
    const none = { inserted: 0, updated: 0, unchanged: 0, stale: 0, rejected: 0, waiting: 0 };
    const { totals, stamp_days, row_days } = await reader.overview('2026-08-01');
    expect(totals).toEqual([
      {
        ...{ dataset: 'Procedure', files: 3, bytes: expect.any(Number) as number },
        rows: { ...none, inserted: 2, updated: 1, rejected: 2 },
        refused: { bad_money: 2 },
      },
      {
        ...{ dataset: 'Visit', files: 1, bytes: expect.any(Number) as number },
        rows: { ...none, waiting: 2 },
        refused: { missing_parent: 2 },
      },
    ]);
    const files = await Array.fromAsync(reader.files(ALL));
    const loaded = files.filter((file) => file.state !== 'quarantined');
    expect(totals.map((one) => one.bytes).reduce((a, b) => a + b)).toBe(
      loaded.reduce((sum, { bytes }) => sum + bytes, 0),
    );
    expect(row_days).toEqual([{ day: '2026-08-10', ...none, inserted: 2, updated: 1, rejected: 2, waiting: 2 }]);
    const days = stamp_days.map((one) => [
      one.dataset,
      one.day,
      one.ingested,
      one.late,
      one.quarantined,
      one.rows,
      one.rejected,
    ]);
    expect(days).toEqual([
      ['Procedure', '2026-08-01', 1, 1, 0, 1, 0],
      ['Procedure', '2026-08-02', 1, 0, 0, 2, 1],
      ['Transaction', '2026-08-01', 0, 0, 1, 0, 0],
      ['Visit', '2026-08-01', 1, 0, 0, 2, 0],
    ]);
    const [first, , late, corrected, refused] = files.map((file) => file.file_id).toReversed();
    expect(stamp_days.map((one) => one.file_id)).toEqual([late, corrected, refused, first]);
    expect(await reader.overview('2026-08-11')).toEqual({ totals, stamp_days: [], row_days: [] });
  });

  test('P8: gives the values of a reject only where they are asked for; P6: then exactly as sent', async () => {
    const desk = await open();
    const text = feedFileText('Procedure', ['P1|C1||caf\u00e9|1.00|', 'P2|C1||x|dear|']);
    const bad = Buffer.from([0x50, 0xff, 0x7c]);
    const name = feedFileName('Procedure', '20260801_060000');
    await desk.ingest(desk.write(name, Buffer.concat([Buffer.from(text), bad])));
    const reader = await readerOf(desk);
    const plain = await Array.fromAsync(reader.rejects(ALL, false));
    expect(plain.map(({ row_key, raw }) => [row_key, raw])).toEqual([
      [null, null],
      [null, null],
    ]);
    const raw = await Array.fromAsync(reader.rejects(ALL, true));
    expect(raw.map((row) => row.raw)).toEqual(['P2|C1||x|dear|', bad]);
    expect(raw[0]?.row_key).toBe('P2');
  });

  test('P7: a list that is taken slowly holds up nobody, shows no row twice, and not what comes in meanwhile', async () => {
    const desk = await open();
    await desk.deliver('Procedure', '20260801_060000', [procedure('P1')]);
    await desk.deliver(
      'Visit',
      '20260801_060000',
      [...Array(MANY).keys()].map((at) => visit(`V${at}`, 'P')),
    );
    const reader = await readerOf(desk);
    const lines: number[] = [];
    for await (const { line, dataset } of reader.rejects(ALL, false)) {
      expect(dataset).toBe('Visit');
      lines.push(line);
      if (lines.length > 1) continue;
      const outcome = await desk.deliver('Transaction', '20260801_060000', [transaction('T1', 'V')]);
      expect(outcome).toMatchObject({ kind: 'ingested', counts: { waiting: 1 } });
    }
    expect(lines).toEqual(Array.from({ length: MANY }, (_, at) => at + 2));
  });

  test('a list that is left in the middle is done with, and the reader goes on', async () => {
    const desk = await open();
    await desk.deliver('Procedure', '20260801_060000', refusedRows(MANY));
    const reader = await readerOf(desk);
    let taken = 0;
    for await (const row of reader.rejects(ALL, false)) {
      taken += row.line > 0 ? 1 : 0;
      if (taken === 3) break;
    }
    expect(taken).toBe(3);
    expect(await Array.fromAsync(reader.files(ALL))).toHaveLength(1);
  });

  test('tells where the database stands, with as many files of each list as are asked for, and each list whole', async () => {
    const reader = await readerOf(await openEventful());
    const status = await reader.status(20);
    expect(status.datasets).toMatchObject([
      { name: 'Procedure', rows: 2, rows_rejected: 1, files_ingested: 2, files_replaced: 1, files_late: 1 },
      { name: 'Visit', rows: 1, rows_waiting: 1, rows_rejected: 0, checkpoint: '2026-08-01T06:00:00Z' },
      { name: 'Transaction', rows: 0, files_quarantined: 1, checkpoint: null, checkpoint_at: null },
    ]);
    expect(status.rejects).toEqual([
      { dataset: 'Procedure', code: 'bad_money', rows: 1 },
      { dataset: 'Visit', code: 'missing_parent', rows: 1 },
    ]);
    expect(status.waiting).toEqual([{ parent_table: 'procedures', rows: 1, parents: 1 }]);
    expect(status.last_file).toMatchObject({ dataset: 'Transaction', state: 'quarantined' });
    const lists = ['quarantined', 'not_taken', 'late', 'corrected', 'warned'] as const;
    const none = await reader.status(0);
    for (const list of lists) {
      expect(status[list].newest).toEqual(await Array.fromAsync(reader.notes(list)));
      expect(none[list]).toEqual({ files: status[list].files, newest: [] });
    }
    expect(lists.map((list) => status[list].files)).toEqual([1, 0, 1, 1, 0]);
  });

  test('tells what became of the names of late, and of those that are refused, whatever their age', async () => {
    const reader = await readerOf(await openEventful());
    const of = async (since: string): Promise<unknown[]> =>
      (await reader.deliveries(since)).files.map(({ dataset, stamp, revision, state, rows_read, first_at, accepted }) =>
        [dataset, stamp?.slice(8, 10), revision, state, rows_read, first_at === null, accepted.length].join(' '),
      );
    const refused = 'Transaction 01 1 quarantined 0 true 0';
    expect(await of('2026-08-01T00:00:00Z')).toEqual([
      'Visit 01 1 ingested 2 false 0',
      'Procedure 01 1 ingested 1 false 0',
      'Procedure 02 2 ingested 2 false 0',
      refused,
    ]);
    expect(await of('2026-09-01T00:00:00Z')).toEqual([refused]);
    expect((await reader.deliveries('2026-09-01T00:00:00Z')).since).toBe('2026-08-01T06:00:00Z');
  });

  test('verifies a sound database: every check is told, none finds anything', async () => {
    const reader = await readerOf(await openEventful());
    const checks = await Array.fromAsync(reader.verify());
    expect(checks.flatMap(({ findings }) => findings)).toEqual([]);
    for (const table of ['procedures', 'visits', 'transactions'])
      expect(checks.map(({ check }) => check)).toContain(`accounting of ${table}`);
  });

  test('a database that is not there is not made, and said to be missing', async () => {
    const { nowhere } = await open();
    for (const time of ['first', 'second'])
      await expect(openReader(nowhere.db, nowhere.feed), time).rejects.toThrow(LandfallError);
  });

  test('a database of another feed is refused, by each list before its first row', async () => {
    const desk = await open();
    await desk.deliver('Procedure', '20260801_060000', [procedure('P1')]);
    const reader = await openReader(desk.place.db, { ...desk.feed, name: 'other' });
    onTestFinished(() => reader.close());
    const lists = [reader.files(ALL), reader.rejects(ALL, false), reader.verify()];
    for (const list of lists) await expect(Array.fromAsync<unknown>(list)).rejects.toThrow(LandfallError);
    await expect(reader.status(1)).rejects.toThrow(LandfallError);
  });
});
