import { lstatSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { fileStat, isStill } from '../../src/landing/file-stat.ts';
import { readSettings } from '../../src/settings/read-settings.ts';
import { performRefill } from '../../src/worker/refill-job.ts';
import { compareArchive, filesIn } from '../campaign/compare-archive.ts';
import { createBilling } from '../helpers/billing.ts';
import { captureIo } from '../helpers/command-io.ts';
import { mountDisk, mountImage } from '../helpers/disk.ts';
import { feedFileName, feedFileText, type Row } from '../helpers/feed-files.ts';
import { ROOT } from '../helpers/ingest.ts';
import { openIntakeDesk, type IntakeDesk } from '../helpers/intake.ts';
import { supervised } from '../helpers/supervised.ts';

const billing = createBilling(77);
const NAME = feedFileName('Procedure', '20260801_060000');
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** File systems other than that of the tests, and how one is mounted; false: it cannot be made here. */
const DISKS: readonly (readonly [string, (folder: string) => boolean])[] = [
  ['tmpfs', (folder) => mountDisk(folder, 'size=8m', onTestFinished)],
  ['vfat', (folder) => mountImage(folder, 'vfat')],
  ['exfat', (folder) => mountImage(folder, 'exfat')],
];

const described = (description: string): Row => ({ ...billing.procedure(), Description: description });
const textOf = (...rows: Row[]): string => feedFileText('Procedure', rows);
const rowsOf = (desk: IntakeDesk): readonly unknown[] => desk.column('SELECT description FROM procedures').toSorted();

async function pass(desk: IntakeDesk, ms: number): Promise<void> {
  desk.pass(ms);
  await desk.settleAll();
}

/**
 * Lets time pass until the landing folder is as it is to be. By FUSE, an inode of which the kernel forgets has another number when it is
 * asked for again; the file is then read again, and its time begins anew.
 * @returns the names that lie there then
 */
async function passUntil(
  desk: IntakeDesk,
  isReached: (names: readonly string[]) => boolean,
): Promise<readonly string[]> {
  for (let times = 0; times < 50; times++) {
    await pass(desk, 10 * MINUTE);
    const names = readdirSync(desk.landing);
    if (isReached(names)) return names;
  }
  throw new Error('the landing folder does not become what it is to be');
}

const isSetAside = (names: readonly string[]): boolean => names.every((name) => name.endsWith('.removing'));
const isEmpty = (names: readonly string[]): boolean => names.length === 0;

describe.each(DISKS)('%s', (kind, mount) => {
  function openDesk(where: 'landing' | 'archive', skip: (why: string) => never, after: 'keep' | 'remove'): IntakeDesk {
    const desk = openIntakeDesk({ settings: { after, removeAfterMs: 10 * MINUTE } });
    if (!mount(desk[where])) skip(`${kind} cannot be mounted here`);
    return desk;
  }

  test('P6: an archive on it holds what was read, byte for byte, and a refill reads it', async ({ skip }) => {
    const desk = openDesk('archive', skip, 'remove');
    for (const text of ['a', 'b']) {
      writeFileSync(join(desk.landing, NAME), textOf(described(text)));
      await desk.settleAll();
    }
    expect(filesIn(desk.archive)).toHaveLength(2);
    expect(compareArchive(desk.database.file, desk.archive)).toEqual([]);
    await pass(desk, 10 * MINUTE);
    await pass(desk, HOUR);
    expect(readdirSync(desk.landing)).toEqual([]);
    const db = join(desk.folder, 'new', 'x.sqlite');
    const settings = readSettings({ flags: { db, log_level: 'silent' }, env: {}, cwd: ROOT, root: ROOT });
    expect(await performRefill(supervised(settings, captureIo()), [desk.archive])).toBe(0);
    expect(compareArchive(db, desk.archive)).toEqual([]);
  });

  test('P6: what is removed from a landing folder on it is in the archive, and what a writer adds is read', async ({
    skip,
  }) => {
    const desk = openDesk('landing', skip, 'remove');
    const path = join(desk.landing, NAME);
    const first = described('a');
    writeFileSync(path, textOf(first));
    await desk.settleAll();
    const [aside = ''] = await passUntil(desk, isSetAside);
    writeFileSync(join(desk.landing, aside), textOf(first, described('b')));
    await passUntil(desk, () => rowsOf(desk).length > 1);
    expect(rowsOf(desk)).toEqual(['a', 'b']);
    await passUntil(desk, isEmpty);
    expect(compareArchive(desk.database.file, desk.archive)).toEqual([]);
    expect(filesIn(desk.archive)).toHaveLength(2);
  });

  test('P6: a file that is set aside there is given its name back, over nothing that has come', async ({ skip }) => {
    const desk = openDesk('landing', skip, 'remove');
    const path = join(desk.landing, NAME);
    const first = textOf(described('a'));
    writeFileSync(path, first);
    await desk.settleAll();
    await passUntil(desk, isSetAside);
    const keeps = openIntakeDesk({ settings: { landing: desk.landing } });
    await keeps.settleAll();
    // By FUSE, a file is closed a moment after the call: one that is removed before lies there as `.fuse_hidden…` until then.
    await expect.poll(() => readdirSync(desk.landing)).toEqual([NAME]);
    expect(readFileSync(path, 'utf8')).toBe(first);
  });
});

test('P6: what was written over a file without a trace in its size and times is found before it is removed, and read', async ({
  skip,
}) => {
  const desk = openIntakeDesk({ settings: { after: 'remove', removeAfterMs: 10 * MINUTE } });
  if (!mountImage(desk.landing, 'vfat')) skip('vfat cannot be mounted here');
  const path = join(desk.landing, NAME);
  const row = billing.procedure();
  writeFileSync(path, textOf({ ...row, Description: 'a' }));
  await desk.settleAll();
  const before = lstatSync(path, { bigint: true });
  writeFileSync(path, textOf({ ...row, Description: 'b' }), { flag: 'r+' });
  utimesSync(path, Number(before.atimeMs) / 1000, Number(before.mtimeMs) / 1000);
  if (!isStill(lstatSync(path, { bigint: true }), fileStat(before))) skip('this vfat leaves a trace of every write');
  await passUntil(desk, isEmpty);
  expect(rowsOf(desk)).toEqual(['b']);
  expect(filesIn(desk.archive)).toHaveLength(2);
  expect(compareArchive(desk.database.file, desk.archive)).toEqual([]);
});
