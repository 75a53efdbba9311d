import fc from 'fast-check';
import { mkdirSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type pg from 'pg';
import { expect, test } from 'vitest';
import { openArchive } from '../../src/archive/archive.ts';
import { listCopies } from '../../src/archive/list-copies.ts';
import { readSettings } from '../../src/settings/read-settings.ts';
import { performRefill } from '../../src/worker/refill-job.ts';
import { spellOut, TABLES } from './feeds.ts';
import { contentsInOrder, orderPlans } from './order.ts';
import { captureIo } from '../helpers/command-io.ts';
import { type Desk, openDesk, ROOT } from '../helpers/ingest.ts';
import { serverSuite } from '../helpers/postgres-store.ts';
import { describePostgres } from '../helpers/postgres.ts';
import { supervised } from '../helpers/supervised.ts';
import { tempFolder } from '../helpers/temp.ts';

/** A database of SQLite, with the archive of all that was read into it: corrections, late files, orphans, refused rows, retries. */
async function archived(seed: number): Promise<{ desk: Desk; archive: string }> {
  const desk = openDesk();
  const folder = join(desk.folder, 'archive');
  const archive = openArchive(folder);
  for (const plan of fc.sample(orderPlans(), { numRuns: 3, seed })) {
    for (const { arrival, content } of contentsInOrder(plan)) {
      const planned = plan.feed[arrival.file];
      if (planned === undefined) continue;
      const { name, text } = spellOut(planned, content);
      await desk.ingest(desk.write(name, text), {
        afresh: arrival.afresh,
        keeping: { kind: 'copy', archive, behind: null },
        now: () => new Date(),
      });
    }
  }
  return { desk, archive: folder };
}

type Ask = (sql: string) => Promise<readonly object[]>;

/** The rows of the tables, those that wait, and those refused in files that no correction has replaced, with the file of each: as texts. */
async function whatStands(ask: Ask): Promise<string[]> {
  const found: string[] = [];
  for (const table of TABLES) {
    const rows = await ask(
      `SELECT '${table}' AS at, f.name, f.taken_at, t.* FROM ${table} t JOIN files f ON f.file_id = t.source_file_id`,
    );
    found.push(...rows.map((row) => JSON.stringify({ ...row, source_file_id: null })));
  }
  const left = await ask(
    `SELECT r.state, f.name, f.taken_at, r.line, r.code, r.row_key FROM rejects r JOIN files f ON f.file_id = r.file_id
     WHERE r.state = 'waiting' OR (r.state = 'rejected' AND f.state = 'ingested')`,
  );
  return [...found, ...left.map((row) => JSON.stringify(row))].toSorted();
}

async function refill(db: string, archives: readonly string[]): Promise<void> {
  const io = captureIo();
  const flags = { db, log_level: 'silent', state_dir: tempFolder() };
  const settings = readSettings({ flags, env: {}, cwd: ROOT, root: ROOT });
  expect([0, 3]).toContain(await performRefill(supervised(settings, io), archives));
}

describePostgres('P2 P4 P6: a refill on PostgreSQL', () => {
  const openServerDesk = serverSuite();

  async function open(seed: number) {
    const { desk, archive } = await archived(seed);
    const { place, store, client } = await openServerDesk();
    await store.close();
    const asked =
      (one: pg.Client): Ask =>
      (sql) =>
        one.query<object>(sql).then(({ rows }) => rows);
    return {
      archive,
      db: place.db,
      expected: await whatStands((sql) => Promise.resolve(desk.rows(sql))),
      found: () => whatStands(asked(client)),
      entries: async () =>
        (await client.query<{ n: number }>('SELECT count(*) AS n FROM files WHERE revision > 0')).rows,
    };
  }

  test.each([1, 2, 3])(
    'of an empty database ends in the same tables, rejects and waiting rows, also a second time (%i)',
    async (seed) => {
      const { archive, db, expected, found, entries } = await open(seed);
      expect(expected.length).toBeGreaterThan(3);
      await refill(db, [archive]);
      expect(await found()).toEqual(expected);
      const before = await entries();
      await refill(db, [archive]);
      expect(await found()).toEqual(expected);
      expect(await entries()).toEqual(before);
    },
  );

  test.each([4, 5, 6])(
    'of what it lacks, as after a restored backup, puts each content at its place (%i)',
    async (seed) => {
      const { archive, db, expected, found } = await open(seed);
      // Every other content is in the database before the ones that came between.
      const second = join(tempFolder(), 'second');
      for (const [at, { path }] of listCopies(archive).entries()) {
        if (at % 2 === 0) continue;
        mkdirSync(dirname(join(second, path)), { recursive: true });
        renameSync(join(archive, path), join(second, path));
      }
      await refill(db, [second]);
      await refill(db, [archive, second]);
      expect(await found()).toEqual(expected);
    },
  );
});
