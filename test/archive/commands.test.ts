import {
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { runCommandLine } from '../../src/command-line.ts';
import { readSettings } from '../../src/settings/read-settings.ts';
import { performRefill } from '../../src/worker/refill-job.ts';
import { filesIn } from '../campaign/compare-archive.ts';
import { createBilling } from '../helpers/billing.ts';
import { captureIo } from '../helpers/command-io.ts';
import { fillDisk, mountDisk, spoilReads } from '../helpers/disk.ts';
import { feedFileName, feedFileText, type Row } from '../helpers/feed-files.ts';
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
    [NAME, '2026-08-10T12:00:01.000Z'],
  ]);
  expect((await run(desk, ['archive', 'get', NAME])).exitCode).toBe(0);
  expect(readFileSync(join(desk.folder, NAME), 'utf8')).toBe(desk.texts[1]);
  expect(statSync(join(desk.folder, NAME)).mode & 0o777).toBe(0o600);
  await run(desk, ['archive', 'get', NAME, '--revision', '1', '--out', 'first.txt']);
  expect(readFileSync(join(desk.folder, 'first.txt'), 'utf8')).toBe(desk.texts[0]);
  await expect(run(desk, ['archive', 'get', NAME])).rejects.toThrow(/is there already/);
  await expect(run(desk, ['archive', 'get', 'x.txt'])).rejects.toThrow(/there is no copy of x.txt/);
});

test('archive list is a table at 80 columns, with every name whole in a line', async () => {
  const desk = await twoRevisions();
  const io = captureIo({ terminal: true });
  const stdout = { ...io.stdout, columns: 80, colour: false };
  await runCommandLine(['archive', 'list', '--db', desk.database.file], { open: () => ({ ...io, stdout }) });
  expect(io.written.out.split('\n')).toEqual([
    'name',
    '  taken (UTC)               bytes kept',
    '  ────────────────────────  ──────────',
    NAME,
    expect.stringMatching(/^ {2}2026-08-10T12:00:00\.000Z +\d+$/),
    NAME,
    expect.stringMatching(/^ {2}2026-08-10T12:00:01\.000Z +\d+$/),
    '',
  ]);
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

describe('P7: what is wrong with one copy', () => {
  test('that cannot be read keeps no other from being verified or refilled', async ({ skip }) => {
    const desk = await twoRevisions();
    const [first = ''] = filesIn(desk.archive);
    if (!spoilReads(join(desk.archive, first))) skip('mounting is not allowed');
    const { exitCode, out } = await run(desk, ['archive', 'verify']);
    expect([exitCode, out]).toEqual([3, `FAILED  ${first} cannot be read (EIO)\n2 copies, 1 finding\n`]);
    const db = join(desk.folder, 'new.sqlite');
    expect(await refill(desk, db)).toBe(3);
    expect((await run(desk, ['archive', 'get', NAME])).exitCode).toBe(0);
    const io = captureIo();
    await runCommandLine(['files', '--json', '--db', db], { open: () => io });
    expect(JSON.parse(io.written.out)).toHaveLength(1);
  });

  test('a link that stands in the archive is followed by no command: what it leads to is gone', async () => {
    const desk = await twoRevisions();
    renameSync(join(desk.archive, '2026'), join(desk.folder, 'elsewhere'));
    symlinkSync(join(desk.folder, 'elsewhere'), join(desk.archive, '2026'));
    const { exitCode, out } = await run(desk, ['archive', 'verify']);
    expect([exitCode, out]).toEqual([
      3,
      expect.stringMatching(/gone from the archive\n.*gone from the archive\n0 copies/),
    ]);
    expect((await run(desk, ['verify'])).exitCode).toBe(3);
    await expect(run(desk, ['archive', 'get', NAME, '--revision', '1'])).rejects.toThrow(/there is no copy/);
  });

  test('a full disk that get writes to is not blamed on the archive, and nothing is left there', async ({ skip }) => {
    const desk = await twoRevisions();
    const small = join(desk.folder, 'small');
    if (!mountDisk(small, 'size=64k', onTestFinished)) skip('mounting is not allowed');
    fillDisk(small);
    const to = join(small, 'x');
    await expect(run(desk, ['archive', 'get', NAME, '--out', to])).rejects.toThrow(
      /small\/x cannot be written \(ENOSPC\)/,
    );
    expect(existsSync(to)).toBe(false);
  });

  test('nor is the disk of the database, where it is full in the middle of a refill', async ({ skip }) => {
    const desk = await twoRevisions();
    const rows = Array.from({ length: 4_000 }, (_, at): Row => ({
      ...billing.procedure(),
      ProcedureID: `P${at}`,
      Description: 'x'.repeat(500),
    }));
    const text = feedFileText('Procedure', rows);
    const keeping = { kind: 'copy', archive: openArchive(desk.archive), behind: null } as const;
    await desk.ingest(desk.write(feedFileName('Procedure', '20260802_060000'), text), { keeping });
    const small = join(desk.folder, 'small');
    if (!mountDisk(small, 'size=1m', onTestFinished)) skip('mounting is not allowed');
    await expect(refill(desk, join(small, 'x.sqlite'))).rejects.toThrow(
      /^a content cannot be written \(ENOSPC\) \(free space on the disk of the database; .*goes on/,
    );
  });
});
