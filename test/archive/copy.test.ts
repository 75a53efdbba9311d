import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openArchive } from '../../src/archive/archive.ts';
import { draftPath, readCopyPath } from '../../src/archive/name.ts';
import type { Archive } from '../../src/model/archive.ts';
import type { ArchiveMoment } from '../../src/model/ledger.ts';
import { compareArchive, filesIn } from '../campaign/compare-archive.ts';
import { createBilling } from '../helpers/billing.ts';
import { growDisk, mountDisk } from '../helpers/disk.ts';
import { feedFileName, feedFileText, type DatasetName } from '../helpers/feed-files.ts';
import { openDesk, type Desk } from '../helpers/ingest.ts';
import { openIntakeDesk, type IntakeDesk } from '../helpers/intake.ts';
import { claimsFeed } from '../helpers/small-feed.ts';

const billing = createBilling(14);
const STAMP = '20260801_060000';
const NAME = feedFileName('Procedure', STAMP);

class Killed extends Error {}

/** An archive at which the process "dies" at a moment: what it holds then is what a restart finds. */
function brittle(desk: Desk, dies?: ArchiveMoment): Archive {
  return openArchive(join(desk.folder, 'archive'), (moment) => {
    if (moment === dies) throw new Killed();
  });
}

function textOf(rows: number, dataset: DatasetName = 'Procedure'): string {
  return feedFileText(
    dataset,
    Array.from({ length: rows }, () => billing.procedure()),
  );
}

async function ingest(desk: Desk, archive: Archive, text = textOf(2), name = NAME) {
  return desk.ingest(desk.write(name, text), { keeping: { kind: 'copy', archive, behind: null } });
}

function differences(desk: Desk): string[] {
  return compareArchive(desk.database.file, join(desk.folder, 'archive'));
}

describe('P6: a copy of what was read', () => {
  test.each([
    ['a small file', 2],
    ['a file that is parsed in the thread', 60_000],
  ])('%s is kept under a name that says all, for its owner alone', async (_, rows) => {
    const desk = openDesk();
    const text = textOf(rows);
    await ingest(desk, brittle(desk), text);
    const [path = ''] = filesIn(join(desk.folder, 'archive'));
    expect(path).toMatch(/^2026\/08\/HospitalABC.*\.txt\.20260810T120000\.000Z\.[0-9a-f]{16}\.zst$/);
    expect(desk.column('SELECT archived_to FROM files')).toEqual([path]);
    expect(desk.column('SELECT taken_at FROM files')).toEqual(['2026-08-10T12:00:00.000Z']);
    const copy = join(desk.folder, 'archive', path);
    expect(zstdDecompressSync(readFileSync(copy)).equals(Buffer.from(text))).toBe(true);
    const modes = [copy, dirname(copy), dirname(dirname(copy))].map((each) => statSync(each).mode & 0o777);
    expect(modes).toEqual([0o600, 0o700, 0o700]);
    expect(statSync(copy).mtimeMs).toBeCloseTo(statSync(join(desk.landing, NAME)).mtimeMs, -1);
  });

  test('revisions of a name are in the order of their times, also where the clock went back', async () => {
    const desk = openDesk();
    const archive = brittle(desk);
    for (const now of ['2026-08-10T12:00:00Z', '2026-08-10T12:00:00Z', '2020-01-01T00:00:00Z'])
      await desk.ingest(desk.write(NAME, textOf(1)), {
        keeping: { kind: 'copy', archive, behind: null },
        now: () => new Date(now),
      });
    expect(desk.column('SELECT taken_at FROM files ORDER BY revision')).toEqual([
      '2026-08-10T12:00:00.000Z',
      '2026-08-10T12:00:01.000Z',
      '2026-08-10T12:00:02.000Z',
    ]);
    expect(differences(desk)).toEqual([]);
  });

  test('only what was ingested is kept: nothing of a refused file, nor a second copy of the same bytes', async () => {
    const desk = openDesk();
    const archive = brittle(desk);
    expect(await ingest(desk, archive, 'no header\n1|2\n')).toMatchObject({ kind: 'quarantined' });
    expect(filesIn(join(desk.folder, 'archive'))).toEqual([]);
    const text = textOf(2);
    await ingest(desk, archive, text);
    expect(await ingest(desk, archive, text)).toMatchObject({ kind: 'unchanged' });
    expect(differences(desk)).toEqual([]);
    expect(filesIn(join(desk.folder, 'archive'))).toHaveLength(1);
    // As long as the one before, and another.
    expect(await ingest(desk, archive, text.replace(/.\n$/, 'x\n'))).toMatchObject({ kind: 'ingested', revision: 3 });
    expect(differences(desk)).toEqual([]);
  });

  test('a content that came before others of its name takes its place before them, and overwrites none', async () => {
    const desk = openDesk();
    const archive = brittle(desk);
    const [first, second, lost] = [billing.procedure(), billing.procedure(), billing.procedure()];
    const told = (row: typeof first, description: string) => ({ ...row, Description: description });
    await ingest(desk, archive, feedFileText('Procedure', [told(first, 'one')]));
    await ingest(desk, archive, feedFileText('Procedure', [told(first, 'three'), told(second, 'three')]));
    const file = desk.write(NAME, feedFileText('Procedure', [told(first, 'two'), told(lost, 'two')]));
    const [behind = null] = desk.column('SELECT taken_at FROM files WHERE revision = 1') as string[];
    expect(await desk.ingest(file, { keeping: { kind: 'copy', archive, behind } })).toMatchObject({
      kind: 'ingested',
      revision: 2,
      counts: { read: 2, inserted: 1, stale: 1 },
    });
    expect(desk.column('SELECT description FROM procedures ORDER BY procedure_id').toSorted()).toEqual([
      'three',
      'three',
      'two',
    ]);
    expect(desk.rows('SELECT revision, state FROM files ORDER BY revision')).toEqual([
      { revision: 1, state: 'replaced' },
      { revision: 2, state: 'replaced' },
      { revision: 3, state: 'ingested' },
    ]);
    expect(differences(desk)).toEqual([]);
  });
});

describe('P2: after a crash at any step the archive is in step with the ledger', () => {
  test.each<[ArchiveMoment, string]>([
    ['copying', 'while the copy is made'],
    ['copied', 'when the copy is durable, before the commit'],
    ['copy_named', 'when the commit has come and the copy has its name'],
  ])('%s: %s', async (moment) => {
    const desk = openDesk();
    const text = textOf(2);
    await ingest(desk, brittle(desk, moment), text).catch(() => undefined);
    await ingest(desk, brittle(desk), text);
    expect(differences(desk)).toEqual([]);
    expect(desk.column('SELECT count(*) FROM copies')).toEqual([0]);
    expect(desk.column("SELECT rows_inserted FROM files WHERE state = 'ingested'")).toEqual([2]);
  });

  test('between the commit and the name: the copy gets its name, though no other file comes', async () => {
    const desk = openIntakeDesk();
    desk.write(NAME, textOf(1));
    await desk.settleAll();
    const [path = ''] = filesIn(desk.archive);
    // As a process that died left it.
    const [takenAt] = desk.column('SELECT taken_at FROM files');
    desk.db.prepare('INSERT INTO copies VALUES (?, ?, ?)').run(NAME, takenAt, 'x');
    const draft = path.replace(/([^/]+)\.[0-9a-f]{16}\.zst$/, '.$1.part');
    renameSync(join(desk.archive, path), join(desk.archive, draft));
    // Its disk is not mounted at first: an empty folder stands there.
    renameSync(desk.archive, `${desk.archive}-away`);
    mkdirSync(desk.archive);
    desk.restart();
    await desk.scan();
    rmSync(desk.archive, { recursive: true });
    renameSync(`${desk.archive}-away`, desk.archive);
    desk.restart();
    await desk.scan();
    expect(filesIn(desk.archive)).toEqual([path]);
    expect(desk.column('SELECT count(*) FROM copies')).toEqual([0]);
  });

  test('with many small files whose copies wait for their names, all of them get theirs', async () => {
    const desk = openDesk();
    const folder = join(desk.folder, 'archive');
    const archive = openArchive(folder, undefined, null, 100);
    const names = Array.from({ length: 5 }, (_, at) => feedFileName('Procedure', `2026080${at + 1}_060000`));
    for (const name of names) await ingest(desk, archive, textOf(1), name);
    await ingest(desk, archive, 'no header\n1|2\n', feedFileName('Procedure', '20260806_060000'));
    for (const name of names) await ingest(desk, archive, textOf(1), name);
    expect(filesIn(folder).filter((path) => path.endsWith('.part'))).toHaveLength(5);
    // The process dies here; the next one takes a file.
    await ingest(desk, brittle(desk), textOf(1), feedFileName('Procedure', '20260807_060000'));
    expect(differences(desk)).toEqual([]);
    expect(filesIn(folder)).toHaveLength(11);
    expect(desk.column('SELECT count(*) FROM copies')).toEqual([0]);
  });

  test('a loop that is told to stop between two files leaves no copy without its name', async () => {
    const desk = openIntakeDesk({
      doors: (real) => ({
        ...real,
        ingest: async (file, options) => {
          const outcome = await real.ingest(file, options);
          desk.stop.abort();
          return outcome;
        },
      }),
    });
    for (const day of [1, 2]) desk.write(feedFileName('Procedure', `2026080${day}_060000`), textOf(1));
    await desk.scan();
    desk.pass(2_000);
    await desk.scan();
    expect(desk.column('SELECT count(*) FROM files')).toEqual([1]);
    expect(compareArchive(desk.database.file, desk.archive)).toEqual([]);
    expect(filesIn(desk.archive)).toHaveLength(1);
  });

  test('a database that goes back to a backup makes no copy look abandoned, nor the draft of another daemon', async () => {
    const desk = openDesk();
    await ingest(desk, brittle(desk));
    const copies = filesIn(join(desk.folder, 'archive'));
    // The backup was made while the file was being read.
    const [takenAt] = desk.column('SELECT taken_at FROM files');
    desk.db.exec('DELETE FROM rejects; DELETE FROM procedures; DELETE FROM checkpoints; DELETE FROM files');
    desk.db.prepare('INSERT INTO copies VALUES (?, ?, ?)').run(NAME, takenAt, 'x');
    const other = '2026/08/.Other.txt.20260810T120000.000Z.part';
    writeFileSync(join(desk.folder, 'archive', other), 'x');
    await ingest(desk, brittle(desk), textOf(1), feedFileName('Procedure', '20260802_060000'));
    expect(filesIn(join(desk.folder, 'archive'))).toEqual(expect.arrayContaining([...copies, other]));
  });
});

describe('P7: a fault of the archive holds the file, is told once, and loses nothing', () => {
  /** Drops a file, and waits until it is in or held. */
  async function takeOne(desk: IntakeDesk, text: string | Uint8Array = textOf(1)): Promise<void> {
    desk.write(NAME, text);
    await desk.scan();
    desk.pass(2_000);
    await desk.scan();
  }

  async function endsWell(desk: IntakeDesk): Promise<void> {
    desk.pass(3_600_000);
    await desk.settleAll();
    expect(desk.column('SELECT state FROM files')).toEqual(['ingested']);
    expect(compareArchive(desk.database.file, desk.archive)).toEqual([]);
    const faults = desk.events.filter(({ name }) => name.startsWith('fault:')).map(({ name }) => name);
    expect(faults).toEqual(['fault:begin', 'fault:end']);
    expect(desk.faults.list()).toEqual([]);
  }

  function heldBy(desk: IntakeDesk, problem: string): void {
    expect(desk.column('SELECT count(*) FROM procedures')).toEqual([0]);
    expect(desk.faults.list()).toMatchObject([{ kind: 'archive', file: null }]);
    expect(desk.faults.list()[0]?.problem).toContain(problem);
    expect(desk.totals()).toMatchObject({ unreadable: 1 });
  }

  test('its folder goes away, as a mount does', async () => {
    const desk = openIntakeDesk();
    desk.write(feedFileName('Procedure', '20260701_060000'), 'no header\n');
    await desk.settleAll();
    renameSync(desk.archive, `${desk.archive}-away`);
    desk.db.exec('DELETE FROM files');
    await takeOne(desk);
    heldBy(desk, 'is its disk mounted? (ENOENT)');
    desk.pass(1_000);
    await desk.scan();
    renameSync(`${desk.archive}-away`, desk.archive);
    rmSync(join(desk.landing, feedFileName('Procedure', '20260701_060000')));
    desk.db.exec("DELETE FROM files WHERE state = 'quarantined'");
    await endsWell(desk);
  });

  test('a link stands where a folder should be: it is not followed', async () => {
    const desk = openIntakeDesk();
    const elsewhere = join(desk.folder, 'elsewhere');
    mkdirSync(elsewhere);
    mkdirSync(desk.archive);
    symlinkSync(elsewhere, join(desk.archive, String(desk.now().getUTCFullYear())));
    await takeOne(desk);
    heldBy(desk, 'no link is followed (ENOTDIR)');
    expect(filesIn(elsewhere)).toEqual([]);
    rmSync(join(desk.archive, String(desk.now().getUTCFullYear())));
    await endsWell(desk);
  });

  test('its disk is full: the rows are not in, then all of them', async (context) => {
    const desk = openIntakeDesk();
    if (!mountDisk(desk.archive, 'size=16k', onTestFinished)) context.skip('mounting is not allowed');
    await takeOne(desk, textOf(20_000));
    heldBy(desk, 'no room left on its disk (ENOSPC)');
    growDisk(desk.archive, 'size=8m');
    await endsWell(desk);
  });

  test('its folder may not be written', async (context) => {
    const desk = openIntakeDesk();
    mkdirSync(desk.archive);
    chmodSync(desk.archive, 0o500);
    if (process.getuid?.() === 0) {
      // Root may do anything: a disk that is mounted read-only stops it, too.
      if (!mountDisk(desk.archive, 'size=1m,ro', onTestFinished)) context.skip('root may write everywhere');
      await takeOne(desk);
      heldBy(desk, 'mounted read-only (EROFS)');
      growDisk(desk.archive, 'rw');
    } else {
      await takeOne(desk);
      heldBy(desk, 'check owner and mode (EACCES)');
      chmodSync(desk.archive, 0o700);
    }
    await endsWell(desk);
  });

  test('what cannot have its name keeps no other copy from its own, and no other file out', async () => {
    const desk = openIntakeDesk({ feed: claimsFeed('{dataset}/{dataset}_{part}_{stamp:YYYYMMDD}.csv') });
    const row = { claim: 'id,status\n1,a\n', claim_line: 'id,claim\n1,1\n' };
    const drop = async (dataset: keyof typeof row, part: string): Promise<void> => {
      mkdirSync(join(desk.landing, dataset), { recursive: true });
      desk.write(`${dataset}/${dataset}_${part}_20260801.csv`, row[dataset]);
      await desk.scan();
      desk.pass(2_000);
      await desk.scan();
    };
    await drop('claim', 'a');
    await drop('claim_line', 'a');
    // As a process that died left them.
    const copies = filesIn(desk.archive);
    for (const path of copies) {
      const { name, takenAt } = readCopyPath(path) ?? expect.fail(path);
      desk.db.prepare('INSERT INTO copies VALUES (?, ?, ?)').run(name, takenAt, 'x');
      renameSync(join(desk.archive, path), join(desk.archive, draftPath(name, takenAt)));
    }
    const folder = dirname(join(desk.archive, copies.find((path) => path.includes('/claim/')) ?? ''));
    renameSync(folder, `${folder}-away`);
    symlinkSync(`${folder}-away`, folder);
    desk.restart();
    await drop('claim_line', 'b');
    expect(desk.column('SELECT count(*) FROM files')).toEqual([3]);
    expect(filesIn(desk.archive).filter((path) => /claim_line.*zst$/.test(path))).toHaveLength(2);
    expect(desk.faults.list()).toMatchObject([{ kind: 'archive', file: null }]);
    rmSync(folder);
    renameSync(`${folder}-away`, folder);
    desk.pass(10_000);
    await desk.settleAll();
    expect(desk.faults.list()).toEqual([]);
    expect(compareArchive(desk.database.file, desk.archive)).toEqual([]);
  });

  test.each([213, 214, 228, 229, 255])('a name of %i bytes keeps no other file out', async (bytes) => {
    const desk = openIntakeDesk({ feed: claimsFeed('{dataset}/{part}_{stamp:YYYYMMDD}.csv') });
    mkdirSync(join(desk.landing, 'claim'));
    const long = `claim/${'x'.repeat(bytes - '_20260801.csv'.length)}_20260801.csv`;
    desk.write(long, 'id,status\n1,a\n');
    await desk.settleAll();
    desk.write('claim/y_20260802.csv', 'id,status\n2,a\n');
    desk.pass(2_000);
    await desk.scan();
    desk.pass(2_000);
    await desk.scan();
    const tooLong = bytes > 213;
    expect(desk.column('SELECT name FROM files ORDER BY name')).toEqual(
      tooLong ? ['claim/y_20260802.csv'] : [long, 'claim/y_20260802.csv'],
    );
    expect(compareArchive(desk.database.file, desk.archive)).toEqual([]);
    expect(desk.faults.list()).toMatchObject(tooLong ? [{ kind: 'archive', file: long }] : []);
  });
});
