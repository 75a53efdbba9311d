import pg from 'pg';
import { expect, onTestFinished, test, vi } from 'vitest';
import { loadFeed } from '../../../src/feed/load.ts';
import type { Feed } from '../../../src/model/feed.ts';
import { PART_ROWS } from '../../../src/store/postgres/staged-rows.ts';
import { createRowEncoder } from '../../../src/store/postgres/row-encoder.ts';
import { serverPlace } from '../../../src/store/postgres/server-place.ts';
import { createSession } from '../../../src/store/postgres/session.ts';
import type { FileEntry, FileTransaction, RowBatch } from '../../../src/store/store.ts';
import { copyFeed } from '../../helpers/feed-folder.ts';
import { createStoreDesk } from '../../helpers/ingest.ts';
import { describePostgres } from '../../helpers/postgres.ts';
import { openServer, serverSuite, waitsForLock } from '../../helpers/postgres-store.ts';
import { procedure, visit } from '../../helpers/rows.ts';
import { tempFolder } from '../../helpers/temp.ts';

function entryOf(feed: Feed, table: string, name: string): FileEntry {
  const dataset = feed.datasets.find((each) => each.table === table);
  if (dataset === undefined) throw new Error(`no table ${table}`);
  const stat = { bytes: 1, mtimeNs: 1n, ctimeNs: 1n, inode: 1n };
  const startedAt = new Date('2026-08-10T12:00:00Z');
  return {
    dataset,
    name,
    revision: 1,
    stamp: '2026-08-01T06:00:00Z',
    sha256: 'x',
    stat,
    attempts: 1,
    startedAt,
    takenAt: startedAt.toISOString(),
    archivedTo: null,
  };
}

function batchOf(...rows: (string | number | null)[][]): RowBatch {
  return batchFrom(2, rows);
}

/** @param first the line of the first row */
function batchFrom(first: number, rows: readonly (string | number | null)[][]): RowBatch {
  const encoder = createRowEncoder();
  for (const [at, values] of rows.entries()) encoder.add({ line: first + at, byteOffset: at, byteLength: 1 }, values);
  const set = encoder.take((size) => new ArrayBuffer(size));
  return { sets: [set], ends: false, read: rows.length, bytesRead: 0 };
}

const COUNTS = { read: 1, inserted: 0, updated: 0, unchanged: 0, stale: 0, rejected: 0, waiting: 0 };
const TOTALS = {
  headerBytes: 0,
  rowBytes: 0,
  refusedBytes: 0,
  skippedBytes: 0,
  dialect: '{}',
  extra: '[]',
  rejectCounts: {},
  warnings: {},
  lastRowEnded: true,
};
/** Visits in a table of which all rows are in a partition. */
const PARTITIONED = `
  ALTER TABLE transactions DROP CONSTRAINT transactions_visit_id_fkey;
  ALTER TABLE visits RENAME TO old_visits;
  CREATE TABLE visits (LIKE old_visits INCLUDING ALL) PARTITION BY HASH (visit_id);
  CREATE TABLE all_visits PARTITION OF visits FOR VALUES WITH (MODULUS 1, REMAINDER 0);
  ALTER TABLE visits ADD FOREIGN KEY (procedure_id) REFERENCES procedures;
  ALTER TABLE transactions ADD FOREIGN KEY (visit_id) REFERENCES visits`;

/** A trigger that gives an orphan a parent: of a row that waits it must not be asked. */
const MENDING = `
  CREATE FUNCTION mend() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.procedure_id := upper(NEW.procedure_id); RETURN NEW; END';
  CREATE TRIGGER mend BEFORE INSERT ON visits FOR EACH ROW EXECUTE FUNCTION mend()`;

const many = (count: number) => Array.from({ length: count }, (_, at) => at);
const onPart = (): Promise<void> => Promise.resolve();
const NOW = new Date('2026-08-10T12:00:00Z');

describePostgres('the transaction of a file on PostgreSQL', () => {
  const openDesk = serverSuite();

  test('a small file asks little of a server that may be far away', async () => {
    const { store } = await openDesk();
    const desk = createStoreDesk(store, tempFolder());
    await desk.deliver('Procedure', '20260801_060000', [procedure('P1')]);
    const asked = vi.spyOn(pg.Client.prototype, 'query');
    onTestFinished(() => {
      asked.mockRestore();
    });
    expect(await desk.deliver('Procedure', '20260802_060000', [procedure('P2')])).toMatchObject({ kind: 'ingested' });
    const texts = asked.mock.calls.map(([query]) => query);
    // Three transactions for the ledger are asked for at once, each of a begin, a statement and an end.
    expect(texts.filter((text) => text === 'COMMIT')).toHaveLength(4);
    expect(texts).toHaveLength(3 * 3 + 9);
  });

  test('what a table has in its partitions is looked up before rows go in: none is refused, which would leave its room behind', async () => {
    const serverTables = (sql: string) =>
      sql.replace(
        /(CREATE TABLE procedures [^;]*)\);/,
        `$1) PARTITION BY HASH (procedure_id);
        CREATE TABLE procedures_all PARTITION OF procedures FOR VALUES WITH (MODULUS 1, REMAINDER 0);`,
      );
    const { store } = await openDesk({ feed: loadFeed(copyFeed({ serverTables })) });
    const desk = createStoreDesk(store, tempFolder());
    const rows = Array.from({ length: 1_000 }, (_, at) => procedure(`P${at}`));
    await desk.deliver('Procedure', '20260801_060000', rows);
    const asked = vi.spyOn(pg.Client.prototype, 'query');
    onTestFinished(() => {
      asked.mockRestore();
    });
    const outcome = await desk.deliver('Procedure', '20260802_060000', [procedure('Q'), ...rows]);
    expect(outcome).toMatchObject({ counts: { inserted: 1, unchanged: 1_000 } });
    expect(asked.mock.calls.map(([query]) => query)).not.toContain('ROLLBACK TO SAVEPOINT direct');
  });

  test.each([
    ['off', 'on'],
    ['remote_apply', 'remote_apply'],
  ])(
    'P1: a commit outlives a crash of the server where by default (%s) it would not, and waits as long as by default where it would',
    async (byDefault, expected) => {
      const { client, place } = await openDesk();
      await client.query(`CREATE TABLE seen (setting text);
        CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS
          'BEGIN INSERT INTO seen VALUES (current_setting(''synchronous_commit'')); RETURN NULL; END';
        CREATE TRIGGER see AFTER INSERT ON procedures EXECUTE FUNCTION see()`);
      await client.query(
        `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit TO ${byDefault}', current_database()); END $$`,
      );
      const store = await openServer(place);
      onTestFinished(() => store.close());
      await createStoreDesk(store, tempFolder()).deliver('Procedure', '20260801_060000', [procedure('P1')]);
      expect((await client.query('SELECT * FROM seen')).rows).toEqual([{ setting: expected }]);
    },
  );

  test('P2: a statement that failed unheard ends in an error, not in a commit of nothing', async () => {
    const { place } = await openDesk();
    const session = createSession(serverPlace(place.db), 'test');
    const work = session.transaction('test', 'write', async (client) => {
      await client.query('SELECT 1 / 0').catch(() => undefined);
    });
    await expect(work).rejects.toThrow(/rolled back/);
    await session.close();
  });

  test.each([
    ['', 'read committed'],
    [', where a snapshot is taken before the lock by default', 'repeatable read'],
  ])('P5: a child and its parent that are loaded at once do not miss each other%s', async (_, isolation) => {
    const { place, store, client } = await openDesk();
    await client.query(`ALTER DATABASE ${String(client.database)} SET default_transaction_isolation TO '${isolation}'`);
    const beside = await openServer(place);
    onTestFinished(() => beside.close());
    const finish = async (transaction: FileTransaction, counts: object) => {
      const healed = await transaction.heal(() => Promise.resolve());
      await transaction.complete({ ...TOTALS, counts: { ...COUNTS, ...counts } }, NOW);
      return healed;
    };
    const merged = Promise.withResolvers<null>();
    const child = store.transact(
      entryOf(place.feed, 'visits', 'v'),
      () => 'raw',
      async (transaction) => {
        await transaction.load(
          batchOf(['V1', 'P1', 'M1', ...Array<null>(5).fill(null), '2026-08-01', ...Array<null>(5).fill(null)]),
          onPart,
        );
        expect(await transaction.endRows(onPart)).toMatchObject({ waitingLines: [2] });
        merged.resolve(null);
        await waitsForLock(client);
        await finish(transaction, { waiting: 1 });
      },
    );
    const parent = beside.transact(
      entryOf(place.feed, 'procedures', 'p'),
      () => 'raw',
      async (transaction) => {
        await transaction.load(batchOf(['P1', 'C1', null, null, null, null]), onPart);
        await merged.promise;
        expect(await transaction.endRows(onPart)).toMatchObject({ inserted: 1 });
        return await finish(transaction, { inserted: 1 });
      },
    );
    await child;
    expect(await parent).toEqual({ healed: 1, refused: 0 });
    expect((await client.query('SELECT visit_id FROM visits')).rows).toEqual([{ visit_id: 'V1' }]);
  });

  test('P7: a large file is merged while it is read where nobody waits for the feed, and else when all of it is read', async () => {
    const { place, store, client } = await openDesk();
    const first = Array.from({ length: PART_ROWS }, (_, at) => [`P${at}`, 'C1', null, null, null, null]);
    const last = [
      ['P1', 'C2', null, null, null, null],
      ['Q1', 'C1', null, null, null, null],
    ];
    const isFree = async () => (await client.query('SELECT FROM feeds FOR UPDATE SKIP LOCKED')).rowCount === 1;
    const load = (name: string) =>
      store.transact(
        entryOf(place.feed, 'procedures', name),
        () => 'raw',
        async (transaction) => {
          const { inserted } = await transaction.load(batchOf(...first), onPart);
          await transaction.load(batchFrom(PART_ROWS + 2, last), onPart);
          const free = await isFree();
          const ended = await transaction.endRows(onPart);
          expect([inserted + ended.inserted, ended.updated]).toEqual([PART_ROWS + 1, 1]);
          expect(await isFree()).toBe(false);
          throw new Error(`${inserted} before the end, and the feed is ${free ? 'free' : 'locked'}`);
        },
      );
    await expect(load('alone')).rejects.toThrow(`${PART_ROWS} before the end, and the feed is locked`);
    const beside = await openServer(place);
    onTestFinished(() => beside.close());
    await expect(load('beside')).rejects.toThrow('0 before the end, and the feed is free');
  });

  test.each([
    ['are on', 'SELECT 1'],
    ['are off', 'ALTER TABLE visits DISABLE TRIGGER ALL'],
    ['are gone', 'ALTER TABLE visits DROP CONSTRAINT visits_procedure_id_fkey'],
    [
      'wait for the commit',
      'ALTER TABLE visits ALTER CONSTRAINT visits_procedure_id_fkey DEFERRABLE INITIALLY DEFERRED',
    ],
    ['are off in a partition', `${PARTITIONED}; ALTER TABLE all_visits DISABLE TRIGGER ALL`],
    ['come after a trigger', MENDING],
  ])('P5: an orphan far down in a file waits, and the other rows go in, where foreign keys %s', async (_, change) => {
    const { store, client } = await openDesk();
    await client.query(change);
    const desk = createStoreDesk(store, tempFolder());
    await desk.deliver('Procedure', '20260801_060000', [procedure('P1')]);
    // One row is known: the file is merged, not inserted directly.
    await desk.deliver('Visit', '20260801_060000', [visit('V1', 'P1')]);
    const rows = many(2_000).map((at) => visit(`V${at}`, at === 1_500 ? 'p1' : 'P1'));
    const outcome = await desk.deliver('Visit', '20260802_060000', rows);
    expect(outcome).toMatchObject({ counts: { inserted: 1_998, unchanged: 1, waiting: 1 } });
    const { rows: waiting } = await client.query(`SELECT line, row_key FROM rejects WHERE state = 'waiting'`);
    expect(waiting).toEqual([{ line: 1502, row_key: 'V1500' }]);
  });

  test.each([500, 1_500])('P4 P5: a key that comes again behind %i rows, first without its parent', async (before) => {
    const { store, client } = await openDesk();
    const desk = createStoreDesk(store, tempFolder());
    await desk.deliver('Procedure', '20260801_060000', [procedure('P1')]);
    await desk.deliver('Visit', '20260801_060000', [visit('V1', 'P1')]);
    const rows = many(before).map((at) => visit(`N${at}`, 'P1'));
    const newer = visit('V1', 'P1', { PatientID: 'M2' });
    const outcome = await desk.deliver('Visit', '20260802_060000', [...rows, visit('V1', 'P9'), newer]);
    expect(outcome).toMatchObject({ counts: { inserted: before, updated: 1, waiting: 1 } });
    const { rows: waiting } = await client.query(`SELECT line, row_key, state FROM rejects`);
    expect(waiting).toEqual([{ line: before + 2, row_key: 'V1', state: 'superseded' }]);
  });

  test('P5: an orphan waits in a later part of a large file, too, where the foreign keys are switched off', async () => {
    const { place, store, client } = await openDesk();
    await client.query('ALTER TABLE visits DISABLE TRIGGER ALL');
    const visits = (from: number, to: number, parent: string) =>
      Array.from({ length: to - from }, (_, at) => [
        ...[`V${from + at}`, at === 0 ? parent : 'P1', 'M1', ...Array<null>(5).fill(null), '2026-08-01'],
        ...Array<null>(5).fill(null),
      ]);
    const load = store.transact(
      entryOf(place.feed, 'visits', 'v'),
      () => 'raw',
      async (transaction) => {
        await client.query(`INSERT INTO procedures VALUES ('P1', 'C1', NULL, NULL, NULL, NULL, 0, 0, '')`);
        const { inserted } = await transaction.load(batchOf(...visits(0, PART_ROWS, 'P1')), onPart);
        await transaction.load(batchFrom(PART_ROWS + 2, visits(PART_ROWS, PART_ROWS + 1_000, 'P9')), onPart);
        const ended = await transaction.endRows(onPart);
        expect([inserted, ended.inserted, ended.waitingLines]).toEqual([PART_ROWS, 999, [PART_ROWS + 2]]);
        throw new Error('seen');
      },
    );
    await expect(load).rejects.toThrow('seen');
  });
});

test('rows are laid out as COPY takes them', () => {
  const encoder = createRowEncoder();
  const bytes = (): string => Buffer.from(encoder.take((size) => new ArrayBuffer(size + 3)).rows).toString();
  expect(bytes()).toBe('');
  const place = (line: number) => ({ line, byteOffset: line * 10, byteLength: 7 });
  encoder.add(place(2), ['a', null, -5, '', '\\N', 'tab\tline\nreturn\r\\']);
  encoder.add(place(1_000_003), ['José\t😀', 'x'.repeat(40_000), '\\.']);
  expect(bytes()).toBe(
    `2\t20\t7\ta\t\\N\t-5\t\t\\\\N\ttab\\tline\\nreturn\\r\\\\\n1000003\t10000030\t7\tJosé\\t😀\t${'x'.repeat(40_000)}\t\\\\.\n`,
  );
  encoder.add(place(3), ['again']);
  expect(bytes()).toBe('3\t30\t7\tagain\n');
});
