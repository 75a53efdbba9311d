import Database from 'better-sqlite3';
import fc from 'fast-check';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { check } from '../../src/commands/check.ts';
import { loadFeed } from '../../src/feed/load.ts';
import { type DryRun, dryRun } from '../../src/ingest/dry-run.ts';
import type { IngestOutcome } from '../../src/model/ingest.ts';
import type { ListedFile } from '../../src/model/listed-file.ts';
import { readSettings } from '../../src/settings/read-settings.ts';
import { openRehearsal } from '../../src/store/open.ts';
import { openForRehearsal } from '../../src/store/sqlite/open.ts';
import { createRehearsal } from '../../src/store/sqlite/rehearsal.ts';
import { feeds, spellOut } from '../campaign/feeds.ts';
import { LEAK, MARKER } from '../helpers/billing.ts';
import { captureIo } from '../helpers/command-io.ts';
import { copyFeed } from '../helpers/feed-folder.ts';
import { feedFileName, feedFileText, type DatasetName, type Row } from '../helpers/feed-files.ts';
import { type Desk, MIGRATIONS, openDesk, ROOT } from '../helpers/ingest.ts';
import { procedure, transaction, visit } from '../helpers/rows.ts';

const NOW = new Date('2026-08-10T12:00:00Z');

/** A dry run with its lists read. */
type WholeRun = Awaited<ReturnType<typeof whole>>;

async function whole({ report, ...run }: DryRun) {
  if (report === null) return { ...run, report };
  const updates = await Array.fromAsync(report.updates);
  const rejected = await Array.fromAsync(report.rejected);
  const waiting = await Array.fromAsync(report.waiting);
  return { ...run, report: { updates, rejected, waiting, heals: report.heals } };
}

/** Tries files on a desk's database, as `check` does. */
async function tryAll(
  desk: Desk,
  files: readonly ListedFile[],
  database = desk.database.file,
  temporaryPages = 1_000_000,
): Promise<WholeRun[]> {
  const opened = openForRehearsal({ file: database, feed: desk.feed, migrations: MIGRATIONS, program: '0.0.0' });
  opened.db.pragma(`temp.max_page_count = ${temporaryPages}`);
  const rehearsal = createRehearsal(opened);
  const options = { afresh: false, stop: new AbortController().signal, onProgress: () => undefined, now: () => NOW };
  const runs: WholeRun[] = [];
  try {
    for await (const run of dryRun(rehearsal, files, options)) runs.push(await whole(run));
  } finally {
    await rehearsal.close();
  }
  return runs;
}

/** What of an outcome must be foretold: all but how long it took. */
function foretold(outcome: IngestOutcome | undefined): unknown {
  return outcome !== undefined && 'ms' in outcome ? { ...outcome, ms: 0 } : outcome;
}

/** The report that the database itself gives of a file, once it is in. */
function reportFrom(desk: Desk, fileId: number) {
  return {
    rejected: desk.rows(
      `SELECT line, code, column_name AS "column", reason FROM rejects WHERE file_id = ${fileId} AND state = 'rejected' ORDER BY line`,
    ),
    waiting:
      desk.rows(`SELECT r.line, w.parent_table AS parentTable, w.parent_key AS parentKey FROM rejects r JOIN waiting_on w USING (reject_id)
      WHERE r.file_id = ${fileId} ORDER BY r.line, w.parent_table`),
    heals: desk.rows(
      `SELECT dataset, count(*) AS rows FROM rejects WHERE settled_by_file_id = ${fileId} AND state = 'healed' GROUP BY dataset`,
    ),
  };
}

const settingsOf = (db: string) => readSettings({ flags: { db }, env: {}, cwd: ROOT, root: ROOT });

async function runCheck(database: string, files: readonly ListedFile[], more: { json?: boolean; raw?: boolean } = {}) {
  const io = captureIo({ now: NOW });
  const options = {
    settings: settingsOf(database),
    files: files.map((file) => file.path),
    json: false,
    raw: false,
    ...more,
  };
  const code = await check(options, io);
  return { code, out: io.written.out, err: io.written.err };
}

const write = (desk: Desk, dataset: DatasetName, stamp: string, rows: readonly (Row | string)[]): ListedFile =>
  desk.write(feedFileName(dataset, stamp), feedFileText(dataset, rows));

const hashOf = (desk: Desk): string =>
  ['', '-wal']
    .map((end) =>
      createHash('sha256')
        .update(readFileSync(desk.database.file + end))
        .digest('hex'),
    )
    .join();

const id = (text: string) => `${MARKER}${text}`;

describe('a check says what the ingest then does', () => {
  test('also where there is no database, and says so', async () => {
    const desk = openDesk();
    const missing = join(desk.folder, 'none.sqlite');
    const { code, out, err } = await runCheck(missing, [
      write(desk, 'Procedure', '20260801_060000', [procedure('P1')]),
    ]);
    expect([code, existsSync(missing)]).toEqual([0, false]);
    expect(out).toContain('1 inserted');
    expect(err).toContain(`there is no database at ${missing}`);
  });

  test('P6: which columns the feed does not know, also where the last file had them, in text and as JSON', async () => {
    const desk = openDesk();
    const withWard = (stamp: string, ward: string) => {
      const [header = '', row = ''] = feedFileText('Procedure', [procedure('P1')]).split('\n');
      return desk.write(feedFileName('Procedure', stamp), `${header}|${ward}\n${row}|7A\n`);
    };
    expect((await desk.ingest(withWard('20260801_060000', 'Ward'))).kind).toBe('ingested');
    const files = [withWard('20260802_060000', 'Ward'), withWard('20260803_060000', '8675309')];
    const text = (await runCheck(desk.database.file, files)).out;
    expect(text).toContain('\n  column  Ward: not known to the feed\n');
    expect(text).toContain('\n  column  cell 7: not known to the feed\n');
    const { code, out } = await runCheck(desk.database.file, files, { json: true });
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject([{ outcome: { extra: ['Ward'] } }, { outcome: { extra: ['cell 7'] } }]);
    expect(text + out).not.toContain('8675309');
    for (const value of ['ZQ Smith, John', 'ZQ^JOHN', 'zq@example.com', 'ZQ;1']) {
      const told = (await runCheck(desk.database.file, [withWard('20260804_060000', value)])).out;
      expect(told).toContain('\n  column  cell 7: not known to the feed\n');
      expect(told).not.toContain('ZQ');
    }
  });

  test('what it advises for a column with a new name lets the file in', async () => {
    const desk = openDesk();
    const text = feedFileText('Procedure', [procedure('P1')]).replace('StandardCharge', 'List Price');
    const file = desk.write(feedFileName('Procedure', '20260801_060000'), text);
    const { out } = await runCheck(desk.database.file, [file]);
    expect(out).toContain("if it is, add `aliases: ['<cell 5>']` to StandardCharge in the feed");
    const column = 'header: StandardCharge,';
    const feed = copyFeed({ definition: (yaml) => yaml.replace(column, `${column} aliases: ['List Price'],`) });
    const other = openDesk({ feed: loadFeed(feed) });
    expect((await other.ingest(other.write(file.name, text))).kind).toBe('ingested');
  });

  test('also where a table has a generated column', async () => {
    const desk = openDesk();
    desk.db.exec('ALTER TABLE procedures ADD COLUMN dollars AS (standard_charge_cents / 100.0)');
    await desk.deliver('Procedure', '20260801_060000', [procedure('P1'), procedure('P2')]);
    const file = write(desk, 'Procedure', '20260802_060000', [procedure('P1', 'changed'), procedure('P3')]);
    const { out } = await runCheck(desk.database.file, [file], { json: true });
    expect(JSON.parse(out)).toMatchObject([{ outcome: { counts: { read: 2, inserted: 1, updated: 1 } } }]);
  });

  test('for any feed in any order: counts, rejects, waiting rows, heals, late files, quarantines', async () => {
    await fc.assert(
      fc.asyncProperty(feeds(), fc.infiniteStream(fc.nat()), async (feed, choices) => {
        const desk = openDesk();
        const queues = feed.map((file) => file.contents.map((_, content) => spellOut(file, content)));
        for (let open = queues; open.length > 0; open = queues.filter((queue) => queue.length > 0)) {
          const next = open[Number(choices.next().value) % open.length]?.shift();
          if (next === undefined) continue;
          const file = desk.write(next.name, next.text);
          const [run] = await tryAll(desk, [file]);
          const outcome = await desk.ingest(file);
          expect(foretold(run?.outcome)).toEqual(foretold(outcome));
          if (outcome.kind !== 'ingested') continue;
          expect(run?.report).toMatchObject(reportFrom(desk, outcome.fileId));
        }
        desk.db.close();
      }),
      { numRuns: 5, seed: 20260801 },
    );
  });

  test('for several files at once, each upon those before it', async () => {
    const desk = openDesk();
    await desk.deliver('Visit', '20260731_060000', [visit('V9', 'P1'), visit('V8', 'P2')]);
    const files = [
      write(desk, 'Procedure', '20260801_060000', [procedure('P1'), procedure('P3')]),
      write(desk, 'Visit', '20260801_060000', [visit('V1', 'P1'), visit('V2', 'P2'), 'short', visit('V9', 'P3')]),
      write(desk, 'Transaction', '20260801_060000', [transaction('T1', 'V1'), transaction('T2', 'V2')]),
    ];
    const runs = await tryAll(desk, files);
    for (const [at, file] of files.entries()) {
      const outcome = await desk.ingest(file);
      expect(foretold(runs[at]?.outcome)).toEqual(foretold(outcome));
      if (outcome.kind === 'ingested') expect(runs[at]?.report).toMatchObject(reportFrom(desk, outcome.fileId));
    }
  });

  test('which lines would change which columns', async () => {
    const desk = openDesk();
    await desk.deliver('Procedure', '20260801_060000', [procedure('P1'), procedure('P2'), procedure('P3')]);
    const changes = [
      procedure('P1', 'other'),
      procedure('P2'),
      { ...procedure('P3', 'other'), StandardCharge: '5' },
      procedure('P4'),
    ];
    const [run] = await tryAll(desk, [write(desk, 'Procedure', '20260802_060000', changes)]);
    expect(run?.report?.updates).toEqual([
      { line: 2, columns: ['description'] },
      { line: 4, columns: ['description', 'standard_charge_cents'] },
    ]);
  });

  test('without a database: as if it were new, and none is made', async () => {
    const desk = openDesk();
    const database = join(desk.folder, 'none/none.sqlite');
    const file = write(desk, 'Visit', '20260801_060000', [visit('V1', 'P1')]);
    expect(await runCheck(database, [file])).toMatchObject({
      code: 0,
      out: expect.stringContaining('1 waiting') as unknown,
    });
    expect(existsSync(join(desk.folder, 'none'))).toBe(false);
  });

  test('a constraint that the tables have is foretold', async () => {
    const desk = openDesk();
    desk.db.exec('CREATE UNIQUE INDEX one_code ON procedures (procedure_code)');
    const file = write(desk, 'Procedure', '20260801_060000', [
      procedure('P1'),
      procedure('P2'),
      { ...procedure('P3'), ProcedureCode: 'C3' },
    ]);
    const [run] = await tryAll(desk, [file]);
    expect(foretold(run?.outcome)).toEqual(foretold(await desk.ingest(file)));
  });
});

describe('a check only reads', () => {
  test('the database stays as it is to the byte, and the write lock is not asked for', async () => {
    const desk = openDesk();
    await desk.deliver('Procedure', '20260801_060000', [procedure('P1')]);
    await desk.deliver('Visit', '20260801_060000', [visit('V1', 'P1'), visit('V2', 'P2')]);
    const other = new Database(desk.database.file);
    onTestFinished(() => {
      other.close();
    });
    other.exec('BEGIN IMMEDIATE');
    const before = hashOf(desk);
    const files = [
      write(desk, 'Procedure', '20260802_060000', [procedure('P2'), procedure('P1', 'other')]),
      write(desk, 'Visit', '20260802_060000', [visit('V3', 'P9')]),
      write(desk, 'Visit', '20260803_060000', ['x', 'y']),
      desk.write(feedFileName('Transaction', '20260803_060000'), ''),
    ];
    const { code, out } = await runCheck(desk.database.file, files);
    expect(code).toBe(3);
    expect(out).toContain('heal    1 waiting rows of Visit');
    expect(hashOf(desk)).toBe(before);
    other.exec('ROLLBACK');
    expect(desk.column('SELECT count(*) FROM files')).toEqual([2]);
    expect(desk.column('SELECT count(*) FROM attempts')).toEqual([0]);
  });

  test('a full folder for temporary files, where it copies what waits, is a fault with what to do', async () => {
    const desk = openDesk();
    const waiting = Array.from({ length: 300 }, (_, i) => visit(`V${i}`, 'P1', { Status: 'x'.repeat(200) }));
    await desk.deliver('Visit', '20260801_060000', waiting);
    const file = write(desk, 'Procedure', '20260802_060000', [procedure('P1')]);
    await expect(tryAll(desk, [file], desk.database.file, 40)).rejects.toMatchObject({
      kind: 'full',
      message: expect.stringMatching(/: no room left/) as unknown,
    });
    expect(await tryAll(desk, [file])).toMatchObject([{ outcome: { healed: 300 } }]);
  });

  test('a writer is not held up by it', async () => {
    const desk = openDesk();
    desk.db.pragma('busy_timeout = 1');
    await desk.deliver('Procedure', '20260801_060000', [procedure('P1')]);
    const place = { db: desk.database.file, feed: desk.feed, migrations: MIGRATIONS, program: '0.0.0' };
    const rehearsal = await openRehearsal(place);
    const options = { afresh: false, stop: new AbortController().signal, onProgress: () => undefined, now: () => NOW };
    const files = [write(desk, 'Procedure', '20260802_060000', [procedure('P2')])];
    for await (const { outcome } of dryRun(rehearsal, files, options)) {
      expect(outcome.kind).toBe('ingested');
      expect(await desk.deliver('Procedure', '20260803_060000', [procedure('P3')])).toMatchObject({ kind: 'ingested' });
    }
    await rehearsal.close();
    expect(desk.column('SELECT procedure_id FROM procedures ORDER BY 1')).toEqual(['P1', 'P3']);
  });
});

describe('the command', () => {
  async function prepare() {
    const desk = openDesk();
    await desk.deliver('Procedure', '20260801_060000', [procedure(id('P1'))]);
    return {
      desk,
      good: write(desk, 'Visit', '20260801_060000', [visit(id('V1'), id('P1')), visit(id('V2'), id('P9'))]),
      withReject: write(desk, 'Visit', '20260802_060000', [
        visit(id('V1'), id('P1')),
        visit(id('V3'), id('P1')),
        'ZQX|short',
      ]),
      refused: write(desk, 'Visit', '20260803_060000', ['ZQX']),
    };
  }

  test('exit code 0 when all would go in, though rows wait; 3 when a row or a file would be refused', async () => {
    const { desk, good, withReject, refused } = await prepare();
    expect((await runCheck(desk.database.file, [good])).code).toBe(0);
    expect((await runCheck(desk.database.file, [withReject])).code).toBe(3);
    expect((await runCheck(desk.database.file, [good, refused])).code).toBe(3);
    await desk.ingest(good);
    expect(await runCheck(desk.database.file, [good])).toMatchObject({
      code: 0,
      out: expect.stringContaining('nothing to do') as unknown,
    });
  });

  test('P8: keys of missing parents are told with --raw only, other values never', async () => {
    const { desk, good, withReject, refused } = await prepare();
    const files = [good, withReject, refused];
    for (const json of [false, true]) {
      expect((await runCheck(desk.database.file, files, { json })).out).not.toMatch(LEAK);
      const { out } = await runCheck(desk.database.file, files, { json, raw: true });
      expect(out).toContain(id('P9'));
      expect(out.replaceAll(id('P9'), '')).not.toMatch(LEAK);
    }
  });

  test('--json is a list with an entry for each file', async () => {
    const { desk, good, refused } = await prepare();
    const { out } = await runCheck(desk.database.file, [good, refused], { json: true });
    const entry = z.object({
      name: z.string(),
      dataset: z.literal('Visit'),
      outcome: z.looseObject({ kind: z.string() }),
    });
    const entries = z.array(z.looseObject(entry.shape)).parse(JSON.parse(out));
    expect(entries.map((each) => [each.name, each.outcome.kind])).toEqual([
      [good.name, 'ingested'],
      [refused.name, 'quarantined'],
    ]);
    expect(entries[0]?.['waiting']).toEqual([{ line: 3, parent_table: 'procedures' }]);
  });

  test('a file whose stamp is too far ahead would be held, not taken', async () => {
    const { desk, good } = await prepare();
    const future = write(desk, 'Visit', '20270803_060000', []);
    const { code, out } = await runCheck(desk.database.file, [good, future]);
    expect(code).toBe(3);
    expect(out).toContain(`${future.name}: would be held (future_stamp): `);
    expect(out).toContain(`${good.name}: `);
    const json = z
      .array(z.looseObject({}))
      .parse(JSON.parse((await runCheck(desk.database.file, [future], { json: true })).out));
    expect(json).toMatchObject([
      { name: future.name, dataset: 'Visit', outcome: { kind: 'held', code: 'future_stamp' } },
    ]);
  });

  test('a file that is not there, is none, or has no name of the feed, is one clear line; the others are checked', async () => {
    const { desk, good } = await prepare();
    const named = (name: string): ListedFile => ({ ...good, path: join(desk.landing, name) });
    const foreign = named(feedFileName('Visit', '20260809_060000').replace('_Visit_', '_Visits_'));
    writeFileSync(foreign.path, '');
    const pipe = named(feedFileName('Visit', '20260810_060000'));
    execFileSync('mkfifo', [pipe.path]);
    const link = named(feedFileName('Visit', '20260811_060000'));
    symlinkSync(good.path, link.path);
    const gone = named(feedFileName('Visit', '20260812_060000'));
    const { code, out, err } = await runCheck(desk.database.file, [foreign, pipe, good, link, gone]);
    expect(code).toBe(1);
    expect(out).toContain(good.name);
    const lines = err.trimEnd().split('\n');
    expect(lines).toHaveLength(4);
    for (const [at, text] of ['Visits', 'is a pipe', 'is a symbolic link', 'does not exist'].entries())
      expect(lines[at]).toContain(text);
  });
});
