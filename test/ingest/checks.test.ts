import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { dryRun } from '../../src/ingest/dry-run.ts';
import { runDueChecks } from '../../src/ingest/judge-checks.ts';
import type { Feed } from '../../src/model/feed.ts';
import { openRehearsal } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';
import { createStoreDesk, MIGRATIONS, openDesk, type StoreDesk } from '../helpers/ingest.ts';
import { describePostgres } from '../helpers/postgres.ts';
import { serverSuite } from '../helpers/postgres-store.ts';
import { tempFolder } from '../helpers/temp.ts';
import { billsFeed, billsFile, MARKED_NAME, TWINS } from '../helpers/bills-feed.ts';

interface Bench {
  readonly store: Store;
  readonly desk: StoreDesk;
  readonly rows: (sql: string) => Promise<readonly Record<string, unknown>[]>;
  /** Where its database is. */
  readonly db: string;
}

type Open = (feed: Feed) => Promise<Bench>;

const TWICE = billsFile(`B1,${MARKED_NAME},1.00`, 'B2,other,2.00', `B3,${MARKED_NAME},1.00`);
const FINE = billsFile(`B1,${MARKED_NAME},1.00`, 'B2,other,2.00');

const ENDLESS = 'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n';

const FILES = 'SELECT state, reason_code, reason, warnings FROM files ORDER BY file_id';

function checksHold(open: Open): void {
  test('P2: rows that a check finds hold the file: every table is as before, the ledger names the check and how many', async () => {
    const { desk, rows } = await open(billsFeed('[{ name: twins }]', { twins: TWINS }));
    expect(await desk.ingest(desk.write('bill/bills_20260801.csv', FINE))).toMatchObject({
      kind: 'ingested',
      warnings: {},
    });
    const before = await rows('SELECT * FROM bills ORDER BY bill_id');
    const held = await desk.ingest(desk.write('bill/bills_20260802.csv', TWICE));
    expect(held).toMatchObject({ kind: 'quarantined', code: 'check', reason: 'twins: line 4' });
    expect(await rows('SELECT * FROM bills ORDER BY bill_id')).toEqual(before);
    expect((await rows(FILES))[1]).toMatchObject({
      state: 'quarantined',
      reason_code: 'check',
      reason: 'twins: line 4',
    });
    // P8
    expect(JSON.stringify([held, await rows('SELECT * FROM files')])).not.toContain(MARKED_NAME);
  });

  test('what someone has accepted goes in, and is no longer told of; other content under the name is held', async () => {
    const { desk, store, rows } = await open(billsFeed('[{ name: twins }]', { twins: TWINS }));
    const file = desk.write('bill/bills_20260802.csv', TWICE);
    await desk.ingest(file);
    const [{ sha256 } = {}] = await rows('SELECT sha256 FROM files');
    const decision = { name: file.name, sha256: String(sha256), code: 'check', by: 'x', reason: null } as const;
    await store.decide(decision, new Date('2026-08-10T12:00:00Z'));
    expect([...(await store.pendingRetries()).keys()]).toEqual([file.name]);
    expect(await desk.ingest(file, { afresh: true })).toMatchObject({
      kind: 'ingested',
      warnings: {},
      counts: { inserted: 3 },
    });
    const other = desk.write(file.name, `${TWICE}B4,${MARKED_NAME},1.00\n`);
    expect(await desk.ingest(other)).toMatchObject({ kind: 'quarantined', reason: 'twins: 3 rows, lines 4, 5, 5' });
  });

  test('a check that warns lets the file in; the ledger keeps the code, how many and the first lines', async () => {
    const { desk, rows } = await open(billsFeed('[{ name: twins, severity: warn }]', { twins: TWINS }));
    const outcome = await desk.ingest(desk.write('bill/bills_20260802.csv', TWICE));
    const warnings = { check: { count: 1, lines: [4], note: 'twins: line 4' } };
    expect(outcome).toMatchObject({ kind: 'ingested', warnings });
    const [file] = await rows(FILES);
    expect(JSON.parse(JSON.stringify(file?.['warnings']).replace(/^"|"$|\\/g, ''))).toEqual(warnings);
  });

  test('a check on the tables sees what is there with the file, and warns', async () => {
    const sql = 'SELECT patient_name FROM bills GROUP BY patient_name HAVING count(*) > 1';
    const { desk, rows } = await open(billsFeed('[{ name: again, on: tables }]', { again: sql }));
    expect(await desk.ingest(desk.write('bill/bills_20260801.csv', FINE))).toMatchObject({ warnings: {} });
    const outcome = await desk.ingest(desk.write('bill/bills_20260802.csv', billsFile(`B9,${MARKED_NAME},7.00`)));
    expect(outcome).toMatchObject({
      kind: 'ingested',
      warnings: { check: { count: 1, lines: [], note: 'again: 1 row' } },
    });
    const kept = (await rows(FILES)).map(({ warnings }) => JSON.stringify(warnings));
    expect(kept[0]).toBe('null');
    expect(kept[1]).toContain('again: 1 row');
    expect(kept[1]).not.toContain('check_due');
    expect(JSON.stringify(kept)).not.toContain(MARKED_NAME);
  });

  test('P2: checks on the tables that a death left undone are run at the next start', async () => {
    const sql = 'SELECT patient_name FROM bills';
    const { desk, store, rows } = await open(billsFeed('[{ name: any, on: tables }]', { any: sql }));
    const file = desk.write('bill/bills_20260801.csv', FINE);
    const died = { ...store, checkTables: () => Promise.reject(new Error('killed')) };
    await expect(createStoreDesk(died, file.path.slice(0, -file.name.length)).ingest(file)).rejects.toThrow('killed');
    expect(JSON.stringify(await rows(FILES))).toContain('check_due');
    await runDueChecks(store, new AbortController().signal);
    expect(JSON.stringify(await rows(FILES))).toContain('any: 2 rows');
    expect(JSON.stringify(await rows(FILES))).not.toContain('check_due');
  });

  test('P7: a check without end is interrupted and named; the file is held, or warned of; the next one goes in', async () => {
    const endless = ENDLESS;
    const checks = '[{ name: endless, time_limit: 1s, severity: warn }, { name: late, on: tables, time_limit: 1s }]';
    const { desk } = await open(billsFeed(checks, { endless, late: endless }));
    const begun = performance.now();
    const note = 'endless: interrupted after 1 s; late: interrupted after 1 s';
    expect(await desk.ingest(desk.write('bill/bills_20260801.csv', FINE))).toMatchObject({
      ...{ kind: 'ingested', warnings: { check_failed: { count: 2, lines: [], note } } },
    });
    expect(performance.now() - begun).toBeLessThan(20_000);
    const gate = await open(billsFeed('[{ name: endless, time_limit: 1s }]', { endless }));
    expect(await gate.desk.ingest(gate.desk.write('bill/bills_20260801.csv', FINE))).toMatchObject({
      ...{ kind: 'quarantined', code: 'check_failed', reason: 'endless: interrupted after 1 s' },
    });
  });

  test('a dry run foretells what checks find, file after file, and knows what was accepted', async () => {
    const feed = billsFeed('[{ name: twins }, { name: any, on: tables }]', {
      twins: TWINS,
      any: 'SELECT 1 FROM bills',
    });
    const { desk, db, store } = await open(feed);
    const files = [desk.write('bill/bills_20260801.csv', TWICE), desk.write('bill/bills_20260802.csv', FINE)];
    const foretell = async (): Promise<readonly unknown[]> => {
      const rehearsal = await openRehearsal({ db, feed, migrations: MIGRATIONS, program: '0.0.0' });
      const stop = new AbortController().signal;
      const options = { afresh: false, stop, onProgress: () => undefined, now: () => new Date('2026-08-10T12:00:00Z') };
      try {
        return await Array.fromAsync(dryRun(rehearsal, files, options), ({ outcome }) => outcome);
      } finally {
        await rehearsal.close();
      }
    };
    const [held, fine] = await foretell();
    expect(held).toMatchObject({ kind: 'quarantined', code: 'check', reason: 'twins: line 4' });
    // Those on the tables are not run on parts of them.
    expect(fine).toMatchObject({ kind: 'ingested', counts: { inserted: 2 }, warnings: {} });
    const sha256 = createHash('sha256').update(TWICE).digest('hex');
    const decision = { name: 'bill/bills_20260801.csv', sha256, code: 'check', by: 'x', reason: null } as const;
    await store.decide(decision, new Date('2026-08-10T12:00:00Z'));
    expect((await foretell())[0]).toMatchObject({ kind: 'ingested', counts: { inserted: 3 } });
  });

  test('P7: told to stop, it does not wait for a check: the file is given up, and every table is as before', async () => {
    const { desk, rows } = await open(billsFeed('[{ name: endless, time_limit: 30min }]', { endless: ENDLESS }));
    const stopping = new AbortController();
    const begun = performance.now();
    const outcome = await desk.ingest(desk.write('bill/bills_20260801.csv', FINE), {
      stop: stopping.signal,
      onProgress: ({ phase }) => {
        if (phase !== 'checking') return;
        setTimeout(() => {
          stopping.abort();
        }, 300);
      },
    });
    expect(outcome).toEqual({ kind: 'given_up' });
    expect(performance.now() - begun).toBeLessThan(20_000);
    expect(await rows('SELECT * FROM bills')).toEqual([]);
  });

  test('P8: a check that fails on a value is told by the code of the database alone', async () => {
    const failing =
      open === openOnSqlite ? 'SELECT json(patient_name) FROM incoming' : 'SELECT patient_name::int FROM incoming';
    const { desk } = await open(billsFeed('[{ name: failing, severity: warn }]', { failing }));
    const outcome = await desk.ingest(desk.write('bill/bills_20260801.csv', FINE));
    expect(outcome).toMatchObject({
      kind: 'ingested',
      warnings: { check_failed: { note: expect.stringMatching(/^failing: failed \([A-Z0-9_]+\)$/) as string } },
    });
    expect(JSON.stringify(outcome)).not.toContain(MARKED_NAME);
  });

  test('what is wrong with the checks is told before anything is read, all at once, each with its line', async () => {
    const checks =
      '[{ name: misspelt }, { name: beside }, { name: writes }, { name: two }, { name: bound }, { name: gone, on: tables }]';
    const feed = billsFeed(checks, {
      misspelt: 'SELECT 1\nFORM incoming',
      beside: '-- on incoming\nSELECT 1\nFROM bills',
      writes: 'DELETE FROM incoming RETURNING bill_id',
      two: 'SELECT 1; DROP TABLE bills',
      bound: 'SELECT ? FROM incoming',
      gone: 'SELECT 1\n\nFROM no_such_table',
    });
    const problem = await open(feed).then(
      () => '',
      (error: unknown) => String(error),
    );
    expect(problem).toContain('6 checks cannot be run');
    expect(problem).toMatch(/misspelt\.sql:2: .*syntax error/);
    expect(problem).toMatch(/beside\.sql:3: /);
    expect(problem).toMatch(/writes\.sql: is no query/);
    expect(problem).toMatch(/two\.sql.*: /);
    expect(problem).toMatch(/bound\.sql.*: /);
    expect(problem).toMatch(/gone\.sql:3: .*no_such_table/);
  });
}

const openOnSqlite: Open = (feed) =>
  Promise.try(() => {
    const desk = openDesk({ feed });
    const { store, landing } = desk;
    mkdirSync(join(landing, 'bill'));
    return {
      store,
      desk: createStoreDesk(store, landing),
      db: desk.database.file,
      rows: (sql) => Promise.resolve(desk.rows(sql)),
    };
  });

describe('SQLite: checks', () => {
  checksHold(openOnSqlite);
});

describePostgres('PostgreSQL: checks', () => {
  const openStore = serverSuite();
  checksHold(async (feed) => {
    const { store, client, place } = await openStore({ feed });
    const landing = join(tempFolder(), 'landing');
    mkdirSync(join(landing, 'bill'), { recursive: true });
    return {
      ...{ store, desk: createStoreDesk(store, landing), db: place.db },
      rows: async (sql) => (await client.query<Record<string, unknown>>(sql)).rows,
    };
  });
});
