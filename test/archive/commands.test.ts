import { copyFileSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runCommandLine } from '../../src/command-line.ts';
import { readSettings } from '../../src/settings/read-settings.ts';
import { performRefill } from '../../src/worker/refill-job.ts';
import { filesIn } from '../campaign/compare-archive.ts';
import { createBilling } from '../helpers/billing.ts';
import { captureIo } from '../helpers/command-io.ts';
import { feedFileName, feedFileText } from '../helpers/feed-files.ts';
import { openArchive } from '../../src/archive/archive.ts';
import { openDesk, ROOT, type Desk } from '../helpers/ingest.ts';
import { supervised } from '../helpers/supervised.ts';

const billing = createBilling(21);
const NAME = feedFileName('Procedure', '20260801_060000');

/** A database and an archive with two revisions of a file: A, then B. */
async function twoRevisions(): Promise<Desk & { archive: string; texts: readonly [string, string] }> {
  const desk = openDesk();
  const archive = join(desk.folder, 'db', 'archive');
  const texts = [1, 2].map((rows) =>
    feedFileText(
      'Procedure',
      Array.from({ length: rows }, () => billing.procedure()),
    ),
  ) as [string, string];
  const kept = openArchive(archive);
  for (const text of texts)
    await desk.ingest(desk.write(NAME, text), { keeping: { kind: 'copy', archive: kept, behind: null } });
  return { ...desk, archive, texts };
}

async function run(desk: Desk, args: readonly string[], now?: Date) {
  const io = { ...captureIo(now === undefined ? {} : { now }), cwd: desk.folder };
  const exitCode = await runCommandLine([...args, '--db', desk.database.file], { open: () => io });
  return { exitCode, out: io.written.out };
}

async function refill(desk: Desk, db: string): Promise<number> {
  const io = captureIo();
  const settings = readSettings({ flags: { db, log_level: 'silent' }, env: {}, cwd: ROOT, root: ROOT });
  return await performRefill(supervised(settings, io), [join(desk.folder, 'db', 'archive')]);
}

test('archive list shows what is kept, and get writes it, the newest or a revision', async () => {
  const desk = await twoRevisions();
  const { exitCode, out } = await run(desk, ['archive', 'list', 'Procedure', '--json']);
  expect(exitCode).toBe(0);
  expect((JSON.parse(out) as { name: string; taken_at: string }[]).map((copy) => [copy.name, copy.taken_at])).toEqual([
    [NAME, '2026-08-10T12:00:00.000Z'],
    [NAME, '2026-08-10T12:00:00.001Z'],
  ]);
  expect((await run(desk, ['archive', 'get', NAME])).exitCode).toBe(0);
  expect(readFileSync(join(desk.folder, NAME), 'utf8')).toBe(desk.texts[1]);
  expect(statSync(join(desk.folder, NAME)).mode & 0o777).toBe(0o600);
  await run(desk, ['archive', 'get', NAME, '--revision', '1', '--out', 'first.txt']);
  expect(readFileSync(join(desk.folder, 'first.txt'), 'utf8')).toBe(desk.texts[0]);
  await expect(run(desk, ['archive', 'get', NAME])).rejects.toThrow(/is there already/);
  await expect(run(desk, ['archive', 'get', 'x.txt'])).rejects.toThrow(/there is no copy of x.txt/);
});

test('verify tells a copy that the database does not know, and one that is gone; refill reads the one', async () => {
  const desk = await twoRevisions();
  expect((await run(desk, ['verify'])).exitCode).toBe(0);
  const [first = '', second = ''] = filesIn(desk.archive);
  // As a database that was restored from a backup.
  desk.db.exec('DELETE FROM procedures; DELETE FROM rejects; DELETE FROM checkpoints; DELETE FROM files');
  const unknown = await run(desk, ['verify']);
  expect(unknown).toMatchObject({ exitCode: 3 });
  expect(unknown.out).toContain(`${first} is archived, and the database does not know it`);
  const restored = join(desk.folder, 'restored.sqlite');
  expect(await refill(desk, restored)).toBe(0);
  renameSync(join(desk.archive, second), join(desk.archive, 'elsewhere'));
  const io = captureIo();
  const args = ['verify', '--db', restored, '--archive', desk.archive];
  expect(await runCommandLine(args, { open: () => io })).toBe(3);
  expect(io.written.out).toContain(`${second} is in the ledger, and gone from the archive`);
  expect(io.written.out).toContain('The database is sound, but the archive is not what it says');
});

test('archive verify finds a damaged copy, and refill leaves it out', async () => {
  const desk = await twoRevisions();
  const [first = '', second = ''] = filesIn(desk.archive);
  const bytes = readFileSync(join(desk.archive, first));
  writeFileSync(join(desk.archive, first), bytes.subarray(0, bytes.length - 9));
  const { exitCode, out } = await run(desk, ['archive', 'verify']);
  expect([exitCode, out]).toEqual([3, `FAILED  ${first} is damaged\n2 copies, 1 finding\n`]);
  // Sound by itself, and not what its name says.
  writeFileSync(join(desk.archive, first), readFileSync(join(desk.archive, second)));
  expect((await run(desk, ['archive', 'verify'])).exitCode).toBe(3);
  expect(await refill(desk, join(desk.folder, 'new.sqlite'))).toBe(3);
  expect(readdirSync(desk.folder).filter((name) => /refill|\.landfall/.test(name))).toEqual([]);
});

test('archive prune removes what is older than --archive-for, which is then known as pruned', async () => {
  const desk = await twoRevisions();
  await expect(run(desk, ['archive', 'prune'])).rejects.toThrow(/--archive-for is ever/);
  const later = new Date('2026-09-01T00:00:00Z');
  const kept = await run(desk, ['archive', 'prune', '--archive-for', '30d'], later);
  expect(kept.out).toBe('0 copies from before 2026-08-02T00:00:00.000Z removed\n');
  // What the database does not know is nowhere else (P6).
  const [known = ''] = filesIn(desk.archive);
  const unknown = known.replace('T120000.000Z', 'T110000.000Z');
  copyFileSync(join(desk.archive, known), join(desk.archive, unknown));
  const { out } = await run(desk, ['archive', 'prune', '--archive-for', '20d'], later);
  expect(out).toBe(
    '2 copies from before 2026-08-12T00:00:00.000Z removed\n' +
      '1 kept that the database does not know: "landfall refill" reads them\n',
  );
  expect(filesIn(desk.archive)).toEqual([unknown, 'pruned-before']);
  rmSync(join(desk.archive, unknown));
  expect(filesIn(desk.archive)).toEqual(['pruned-before']);
  expect((await run(desk, ['verify'])).exitCode).toBe(0);
  rmSync(join(desk.archive, 'pruned-before'));
  expect((await run(desk, ['verify'])).exitCode).toBe(3);
});
