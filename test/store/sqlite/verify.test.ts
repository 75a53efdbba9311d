import Database from 'better-sqlite3';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { verify } from '../../../src/commands/verify.ts';
import { readSettings } from '../../../src/settings/read-settings.ts';
import { closeDatabase, openForReading } from '../../../src/store/sqlite/open.ts';
import { verifyDatabase } from '../../../src/store/sqlite/verify.ts';
import { largeFeed, spellOut } from '../../campaign/feeds.ts';
import { LEAK, MARKER } from '../../helpers/billing.ts';
import { captureIo } from '../../helpers/command-io.ts';
import { type Desk, openDesk, ROOT } from '../../helpers/ingest.ts';
import { counts, procedure, transaction, visit } from '../../helpers/rows.ts';
import { tempFolder } from '../../helpers/temp.ts';

const id = (text: string) => `${MARKER}${text}`;

/** A database with one of everything, closed: rejects, waiting, healed and superseded rows, a correction, a quarantined file. */
async function eventful(): Promise<Desk> {
  const desk = openDesk();
  await desk.deliver('Procedure', '20260801_060000', [
    procedure(id('P1')),
    procedure(id('P2')),
    'short',
    procedure(id('P3')),
  ]);
  await desk.deliver('Visit', '20260801_060000', [
    visit(id('V1'), id('P1')),
    visit(id('V2'), id('P9')),
    visit(id('V3'), id('P8')),
  ]);
  await desk.deliver('Visit', '20260802_060000', [
    visit(id('V3'), id('P1')),
    visit(id('V4'), id('P9')),
    visit(id('V4'), id('P7')),
  ]);
  await desk.deliver('Transaction', '20260801_060000', [
    transaction(id('T1'), id('V1')),
    transaction(id('T2'), id('V2'), { ProcedureID: id('P6') }),
    transaction(id('T3'), id('V9'), { ProcedureID: id('P5') }),
  ]);
  await desk.deliver('Procedure', '20260802_060000', [procedure(id('P9')), procedure(id('P1'), 'second')]);
  await desk.deliver('Procedure', '20260801_060000', [procedure(id('P1'), 'corrected')]);
  await desk.deliver('Visit', '20260803_060000', ['x'], { columns: ['y'] });
  closeDatabase(desk.database);
  return desk;
}

/** What is found in a copy of a database after something was done to it behind its back. */
async function findingsAfter(damage: (db: Database.Database) => void): Promise<string[]> {
  const desk = await eventful();
  const file = join(tempFolder(), 'copy.sqlite');
  copyFileSync(desk.database.file, file);
  const db = new Database(file);
  db.pragma('foreign_keys = OFF');
  db.pragma('ignore_check_constraints = ON');
  damage(db);
  db.close();
  return findings(desk, file);
}

function findings(desk: Desk, file: string): string[] {
  const db = openForReading(file);
  onTestFinished(() => {
    db.close();
  });
  return [...verifyDatabase(db, desk.feed)].flatMap((one) => one.findings.map((finding) => `${one.check}: ${finding}`));
}

async function run(file: string, json = false): Promise<{ code: number; out: string }> {
  const io = captureIo();
  const settings = readSettings({ flags: { db: file }, env: {}, cwd: ROOT, root: ROOT });
  const code = await verify({ settings, json }, io);
  return { code, out: io.written.out };
}

describe('a database that nobody tampered with is sound', () => {
  test('with one of everything in it', async () => {
    const desk = await eventful();
    expect(findings(desk, desk.database.file)).toEqual([]);
    const { code, out } = await run(desk.database.file);
    expect(code).toBe(0);
    expect(out).toMatch(/The database is sound\.\n$/);
    expect(out).not.toContain('FAILED');
  });

  test.each([1, 2, 3])('P3 P5: after a feed of corrections, late files and orphans (%i)', async (seed) => {
    const desk = openDesk();
    for (const file of largeFeed(seed, 12, 60)) {
      for (const content of file.contents.keys()) {
        const spelt = spellOut(file, content);
        await desk.ingest(desk.write(spelt.name, spelt.text));
      }
    }
    expect(desk.column('SELECT DISTINCT state FROM rejects ORDER BY 1')).toEqual([
      'healed',
      'rejected',
      'superseded',
      'waiting',
    ]);
    expect(findings(desk, desk.database.file)).toEqual([]);
  });

  test('while a writer is in the middle of a file: the snapshot before it', async () => {
    let found: string[] | null = null;
    const desk: Desk = openDesk({
      probe: (moment) => {
        if (moment === 'before_commit') found = findings(desk, desk.database.file);
      },
    });
    expect(counts(await desk.deliver('Procedure', '20260801_060000', [procedure('P1')]))).toEqual({
      read: 1,
      inserted: 1,
    });
    expect(found).toEqual([]);
  });
});

describe('damage is found', () => {
  const one = (table: string, order: string) => `(SELECT ${order} FROM ${table})`;

  test.each<[string, string, RegExp]>([
    [
      'a row that was deleted',
      `DELETE FROM transactions WHERE rowid = ${one('transactions', 'max(rowid)')}`,
      /accounting of transactions/,
    ],
    [
      'a parent that was deleted',
      `DELETE FROM procedures WHERE procedure_id = '${id('P1')}'`,
      /foreign keys of visits: row \d+ of visits refers to a row of procedures/,
    ],
    [
      'a row that was inserted',
      `INSERT INTO procedures SELECT 'X', 'Y', NULL, NULL, NULL, NULL, 1, 2, source_stamp FROM procedures LIMIT 1`,
      /accounting of procedures/,
    ],
    ['an orphan', `UPDATE transactions SET visit_id = 'gone'`, /foreign keys of transactions/],
    [
      'a reject without its file',
      `UPDATE rejects SET file_id = 999 WHERE state = 'rejected'`,
      /foreign keys of rejects/,
    ],
    ['a dependency without its row', `UPDATE waiting_on SET reject_id = 999`, /belong to rows that do not wait/],
    [
      'a row settled by no file',
      `UPDATE rejects SET settled_by_file_id = 999 WHERE state = 'healed'`,
      /settled by a file that is not in the ledger/,
    ],
    [
      'counts that do not add up',
      'UPDATE files SET rows_inserted = rows_inserted + 1 WHERE file_id = 1',
      /accounting of files: .* do not add up/,
    ],
    [
      'counts that add up and are wrong',
      'UPDATE files SET rows_inserted = rows_inserted + 1, rows_read = rows_read + 1 WHERE file_id = 1',
      /accounting of procedures/,
    ],
    ['a reject that was deleted', `DELETE FROM rejects WHERE state = 'rejected'`, /accounting of files: .* 0 rejected/],
    [
      'a healed row that is said to be rejected',
      `UPDATE rejects SET state = 'rejected', healed_as = NULL, settled_by_file_id = NULL WHERE state = 'healed'`,
      /accounting of/,
    ],
    ['a waiting row without dependencies', 'DELETE FROM waiting_on', /wait for nothing/],
    [
      'a waiting row that lacks one of two dependencies',
      `DELETE FROM waiting_on WHERE parent_table = 'procedures' AND parent_key = '${id('P5')}'`,
      /lack their parent in procedures and do not wait for it/,
    ],
    [
      'a dependency on another parent',
      `UPDATE waiting_on SET parent_key = 'other' WHERE parent_key = '${id('P5')}'`,
      /that their rows do not refer to/,
    ],
    [
      'a dependency on a parent that is there',
      `INSERT INTO waiting_on SELECT 'procedures', '${id('P1')}', reject_id FROM rejects WHERE state = 'waiting'`,
      /that are there/,
    ],
    [
      'a dependency of a row that does not wait',
      `INSERT INTO waiting_on SELECT 'procedures', 'P', reject_id FROM rejects WHERE state = 'healed'`,
      /rows that do not wait/,
    ],
    [
      'a waiting row that is older than the admitted one',
      `UPDATE visits SET source_stamp = '2026-08-09T00:00:00Z', source_file_id = 7 WHERE visit_id = '${id('V4')}'; UPDATE files SET stamp = '2026-08-09T00:00:00Z' WHERE file_id = 7`,
      /a newer version of them is admitted/,
    ],
    ['a row from nowhere', 'UPDATE visits SET source_file_id = 999', /lineage of visits/],
    [
      'a row with the stamp of another file',
      `UPDATE visits SET source_stamp = '2020-01-01T00:00:00Z'`,
      /lineage of visits/,
    ],
    ['a checkpoint that was moved', `UPDATE checkpoints SET stamp = '2030-01-01T00:00:00Z'`, /checkpoint of Procedure/],
    ['a checkpoint that was deleted', 'DELETE FROM checkpoints', /checkpoint of Visit/],
  ])('%s', async (_, sql, finding) => {
    const found = await findingsAfter((db) => {
      db.exec(sql);
      expect(db.prepare<[], number>('SELECT total_changes()').pluck().get()).toBeGreaterThan(0);
    });
    expect(found.join('\n')).toMatch(finding);
    expect(found.join('\n')).not.toMatch(LEAK);
  });

  test.each(['visits', 'sqlite_autoindex_visits_1', 'rejects', 'files'])(
    'a damaged page of %s, and the other checks still run; exit code 3',
    async (name) => {
      const desk = await eventful();
      const file = join(tempFolder(), 'copy.sqlite');
      const db = new Database(desk.database.file);
      const page =
        db.prepare<[string], number>('SELECT rootpage FROM sqlite_schema WHERE name = ?').pluck().get(name) ?? 0;
      db.close();
      const bytes = readFileSync(desk.database.file);
      bytes.fill(0x5a, (page - 1) * 4096, page * 4096);
      writeFileSync(file, bytes);
      const { code, out } = await run(file);
      expect(code).toBe(3);
      expect(out).toMatch(/FAILED {2}integrity of (visits|rejects|files)/);
      expect(out).toContain('ok      integrity of procedures');
      expect(out).toMatch(/dependencies of waiting rows/);
      expect(out).toContain('The database is NOT sound: keep a copy');
      expect(out).not.toMatch(LEAK);
    },
  );

  test('what a start refuses, such as a trigger, is told too; no backup is asked for', async () => {
    const desk = await eventful();
    const db = new Database(desk.database.file);
    db.exec(`CREATE TRIGGER theirs BEFORE INSERT ON visits BEGIN SELECT RAISE(ROLLBACK, 'no'); END`);
    db.close();
    const { code, out } = await run(desk.database.file);
    expect(code).toBe(3);
    expect(out).toMatch(/\nFAILED {2}schema for the feed: the trigger theirs says RAISE\(ROLLBACK\)/);
    expect(out).toMatch(/\nThe database is sound, but the daemon does not start on it: mend its schema\.\n$/);
    expect(out.match(/FAILED/g)).toHaveLength(1);
  });

  test('a terminal keeps the findings alone, and at the end how many checks were ok', async () => {
    const desk = await eventful();
    const show = async (): Promise<readonly string[]> => {
      const io = captureIo({ terminal: true });
      const settings = readSettings({ flags: { db: desk.database.file }, env: {}, cwd: ROOT, root: ROOT });
      await verify({ settings, json: false }, io);
      // What stands before a cleared line is gone.
      return io.written.out.split('\n').map((line) => line.split('\r\u001b[K').at(-1) ?? '');
    };
    expect(await show()).toEqual([expect.stringMatching(/^\d\d checks, all ok\. The database is sound\.$/), '']);
    const db = new Database(desk.database.file);
    db.exec('DELETE FROM checkpoints');
    db.close();
    const found = await show();
    const failed = found.filter((line) => line.startsWith('FAILED  checkpoint of '));
    expect(failed.length).toBeGreaterThan(1);
    expect(found.slice(0, failed.length)).toEqual(failed);
    expect(found.slice(failed.length).join(' ')).toMatch(
      /^\d\d of \d\d checks ok\. The database is NOT sound: keep a copy, .* from the archive\. $/,
    );
  });

  test('--json tells each check with its findings; exit code 3', async () => {
    const desk = await eventful();
    const db = new Database(desk.database.file);
    db.exec(`DELETE FROM waiting_on`);
    db.close();
    const { code, out } = await run(desk.database.file, true);
    expect(code).toBe(3);
    const told = z
      .object({ sound: z.boolean(), checks: z.array(z.object({ check: z.string(), findings: z.array(z.string()) })) })
      .parse(JSON.parse(out));
    expect(told.sound).toBe(false);
    expect(told.checks.find((one) => one.check === 'dependencies of waiting rows')?.findings).toEqual([
      expect.stringContaining('wait for nothing'),
    ]);
  });
});

describe('what cannot be verified is an error that says why', () => {
  test('no database', async () => {
    await expect(async () => run(join(tempFolder(), 'none.sqlite'))).rejects.toThrow('does not exist');
  });

  test('a database that was never set up for this feed', async () => {
    const file = join(tempFolder(), 'bare.sqlite');
    const db = new Database(file);
    db.pragma(`application_id = 1281453668`);
    db.close();
    await expect(async () => run(file)).rejects.toThrow('has no table files');
  });
});
