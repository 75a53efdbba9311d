import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { LandfallError } from '../../src/model/errors.ts';
import { finishMove, moveToArchive, recheckArchived, type ArchivePlaces } from '../../src/landing/archive.ts';
import { restoreSetAside } from '../../src/landing/copy-move.ts';
import { fileStat } from '../../src/landing/file-stat.ts';
import type { Archivable } from '../../src/landing/move.ts';
import { feedFileName } from '../helpers/feed-files.ts';
import { hasOtherDevice, otherDeviceFolder, tempFolder } from '../helpers/temp.ts';

const NAME = feedFileName('Visit', '20260801_060000');

/** A landing folder with one file, read as it is. */
function desk(archiveOn: 'same' | 'other' = 'same'): { file: Archivable; places: ArchivePlaces; source: string } {
  const folder = tempFolder();
  const archive = join(archiveOn === 'other' ? otherDeviceFolder() : folder, 'archive');
  const source = join(folder, NAME);
  writeFileSync(source, 'first', { mode: 0o644 });
  return { file: archivable(source), places: { landing: folder, archive }, source };
}

function archivable(source: string, fileId = 7): Archivable {
  return {
    fileId,
    name: NAME,
    stamp: '2026-08-01T06:00:00Z',
    stat: fileStat(lstatSync(source, { bigint: true })),
  };
}

/** @returns whether it could be done; undone when the test is over */
function makeImmutable(file: string): boolean {
  const change = (flag: string): boolean => spawnSync('chattr', [flag, file], { stdio: 'ignore' }).status === 0;
  if (!change('+i')) return false;
  onTestFinished(() => void change('-i'));
  return true;
}

function read(folder: string): Record<string, string> {
  if (!existsSync(folder)) return {};
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    entries.map((entry) => [entry.name, readFileSync(join(entry.parentPath, entry.name), 'utf8')]),
  );
}

describe.each(['same', 'other'] as const)('the archive on the %s file system', (device) => {
  const skip = device === 'other' && !hasOtherDevice;

  test.skipIf(skip)('takes the file as <YYYY>/<MM>/<name>.<file_id>, for owner and group only', async () => {
    const { file, places, source } = desk(device);
    const before = statSync(source);
    const outcome = await moveToArchive(file, places);
    const target = join(places.archive, '2026/08', `${NAME}.7`);
    expect(outcome).toEqual({ kind: 'archived', path: target });
    expect(existsSync(source)).toBe(false);
    expect(readFileSync(target, 'utf8')).toBe('first');
    expect(statSync(target).mode & 0o007).toBe(0);
    expect(Math.round(statSync(target).mtimeMs)).toBe(Math.round(before.mtimeMs));
    for (const folder of [places.archive, join(places.archive, '2026'), join(places.archive, '2026/08')]) {
      expect(statSync(folder).mode & 0o7777).toBe(0o2770);
    }
    expect(read(places.archive)).toEqual({ [`${NAME}.7`]: 'first' });
  });

  test.skipIf(skip)('never overwrites what it holds: the same database made anew counts its ids from 1 again', async () => {
    const { file, places, source } = desk(device);
    await moveToArchive(file, places);
    writeFileSync(source, 'second');
    const outcome = await moveToArchive(archivable(source), places);
    expect(outcome).toMatchObject({ kind: 'archived' });
    expect(read(places.archive)).toEqual({ [`${NAME}.7`]: 'first', [`${NAME}.7-2`]: 'second' });
  });

  test.skipIf(skip)('P6: leaves a correction that came between commit and move where it is', async () => {
    const { file, places, source } = desk(device);
    writeFileSync(`${source}.tmp`, 'newer');
    renameSync(`${source}.tmp`, source);
    expect(await moveToArchive(file, places)).toEqual({ kind: 'changed' });
    expect(readFileSync(source, 'utf8')).toBe('newer');
    expect(read(places.archive)).toEqual({});
  });

  test.skipIf(skip)('a file that has gone is no error', async () => {
    const { file, places, source } = desk(device);
    rmSync(source);
    expect(await moveToArchive(file, places)).toEqual({ kind: 'gone' });
    expect(read(places.archive)).toEqual({});
  });

  test.skipIf(skip)('a move that fails leaves the file where it is, and can be tried again', async () => {
    const { file, places, source } = desk(device);
    // A file where a folder should be fails for root too.
    writeFileSync(places.archive, 'in the way');
    await expect(moveToArchive(file, places)).rejects.toThrow();
    expect(readFileSync(source, 'utf8')).toBe('first');
    rmSync(places.archive);
    expect(await moveToArchive(file, places)).toMatchObject({ kind: 'archived' });
  });

  test.skipIf(skip)('says so in plain words when a thousand namesakes are there', async () => {
    const { file, places, source } = desk(device);
    const folder = join(places.archive, '2026/08');
    mkdirSync(folder, { recursive: true });
    for (let ordinal = 1; ordinal <= 1000; ordinal++) {
      writeFileSync(join(folder, ordinal === 1 ? `${NAME}.7` : `${NAME}.7-${ordinal}`), 'x');
    }
    await expect(moveToArchive(file, places)).rejects.toThrow(LandfallError);
    expect(readFileSync(source, 'utf8')).toBe('first');
    expect(readdirSync(folder)).toHaveLength(1000);
  });

  test.skipIf(skip)('what was moved is found as it was read when it is looked at again', async () => {
    const { file, places } = desk(device);
    const outcome = await moveToArchive(file, places);
    if (outcome.kind !== 'archived') throw new Error(outcome.kind);
    expect(recheckArchived(file, outcome.path, places)).toEqual(outcome);
    expect(finishMove(file, places)).toEqual(outcome);
  });

  test.skipIf(skip)('P2: a move that is cut short is found too where the first names were taken', async () => {
    const { file, places, source } = desk(device);
    const folder = join(places.archive, '2026/08');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `${NAME}.7`), 'of an older database');
    writeFileSync(join(folder, `${NAME}.7-2`), 'of another one');
    const outcome = await moveToArchive(file, places);
    expect(outcome).toEqual({ kind: 'archived', path: join(folder, `${NAME}.7-3`) });
    expect(finishMove(file, places)).toEqual(outcome);
    expect(existsSync(source)).toBe(false);
  });
});

describe.skipIf(!hasOtherDevice)('a copy on the other file system', () => {
  test('is removed again when the source cannot be: no copies pile up', async ({ skip }) => {
    const { file, places, source } = desk('other');
    skip(!makeImmutable(source), 'only root can make a file immutable, and not on every file system');
    const still = { ...file, stat: fileStat(lstatSync(source, { bigint: true })) };
    for (let attempt = 0; attempt < 3; attempt++) await expect(moveToArchive(still, places)).rejects.toThrow(/EPERM/);
    expect(read(places.archive)).toEqual({});
    expect(read(places.landing)).toEqual({ [NAME]: 'first' });
  });

  test('is made although an earlier move set a file aside: what lies there stays', async () => {
    const { file, places } = desk('other');
    writeFileSync(join(places.landing, `.${NAME}.7.moving`), 'earlier');
    expect(await moveToArchive(file, places)).toMatchObject({ kind: 'archived' });
    expect(read(places.archive)).toEqual({ [`${NAME}.7`]: 'first' });
    expect(read(places.landing)).toEqual({ [`.${NAME}.7.moving`]: 'earlier' });
  });

  test('P6: of another content is none of this move: it stays where it is', () => {
    const { file, places, source } = desk('other');
    const target = join(places.archive, '2026/08', `${NAME}.7`);
    mkdirSync(join(places.archive, '2026/08'), { recursive: true });
    writeFileSync(target, 'of an older database');
    rmSync(source);
    expect(finishMove(file, places)).toBeNull();
    expect(readFileSync(target, 'utf8')).toBe('of an older database');
  });
});

describe('P2: a crash between the move and its record', () => {
  test('the move is found and ended at the next start', async () => {
    const { file, places } = desk();
    await moveToArchive(file, places);
    expect(finishMove(file, places)).toEqual({ kind: 'archived', path: join(places.archive, '2026/08', `${NAME}.7`) });
  });

  test('a correction that was moved unread goes back to be read', () => {
    const { file, places, source } = desk();
    const target = join(places.archive, '2026/08', `${NAME}.7`);
    writeFileSync(source, 'newer');
    mkdirSync(join(places.archive, '2026/08'), { recursive: true });
    renameSync(source, target);
    expect(finishMove(file, places)).toEqual({ kind: 'changed' });
    expect(readFileSync(source, 'utf8')).toBe('newer');
    expect(existsSync(target)).toBe(false);
  });

  test('it stays where it is when its name is taken again: neither is lost', () => {
    const { file, places, source } = desk();
    const target = join(places.archive, '2026/08', `${NAME}.7`);
    mkdirSync(join(places.archive, '2026/08'), { recursive: true });
    renameSync(source, target);
    writeFileSync(target, 'newer');
    writeFileSync(source, 'newest');
    expect(finishMove(file, places)).toEqual({ kind: 'aside', path: target });
    expect(readFileSync(target, 'utf8')).toBe('newer');
    expect(readFileSync(source, 'utf8')).toBe('newest');
  });

  test('what another database has archived under the same name and id is left where it is', () => {
    const { file, places, source } = desk();
    const target = join(places.archive, '2026/08', `${NAME}.7`);
    mkdirSync(join(places.archive, '2026/08'), { recursive: true });
    writeFileSync(target, 'older');
    rmSync(source);
    expect(finishMove(file, places)).toBeNull();
    expect(readFileSync(target, 'utf8')).toBe('older');
    expect(existsSync(source)).toBe(false);
  });

  test('a name that was only claimed is given back', () => {
    const { file, places } = desk();
    mkdirSync(join(places.archive, '2026/08'), { recursive: true });
    writeFileSync(join(places.archive, '2026/08', `${NAME}.7`), '');
    expect(finishMove(file, places)).toBeNull();
    expect(read(places.archive)).toEqual({});
  });

  test('a file that was set aside has its name back, unless a newer one has it', () => {
    const { places, source } = desk();
    const file = `.${NAME}.7.moving`;
    const aside = { file, name: NAME };
    renameSync(source, join(places.landing, file));
    expect(restoreSetAside(places.landing, aside)).toBe(true);
    expect(read(places.landing)).toEqual({ [NAME]: 'first' });
    writeFileSync(join(places.landing, file), 'other');
    expect(restoreSetAside(places.landing, aside)).toBe(false);
    expect(read(places.landing)).toEqual({ [NAME]: 'first', [file]: 'other' });
  });
});

describe('P6: a writer that still had the file open goes on after the move', () => {
  test('what was archived is put back as new', async () => {
    const { file, places, source } = desk();
    const outcome = await moveToArchive(file, places);
    if (outcome.kind !== 'archived') throw new Error(outcome.kind);
    expect(recheckArchived(file, outcome.path, places)).toEqual(outcome);
    appendFileSync(outcome.path, ' and more');
    expect(recheckArchived(file, outcome.path, places)).toEqual({ kind: 'changed' });
    expect(readFileSync(source, 'utf8')).toBe('first and more');
    expect(recheckArchived(file, outcome.path, places)).toEqual({ kind: 'gone' });
  });

  test('also when it left the size as it was', async () => {
    const { file, places, source } = desk();
    const outcome = await moveToArchive(file, places);
    if (outcome.kind !== 'archived') throw new Error(outcome.kind);
    chmodSync(outcome.path, 0o660);
    writeFileSync(outcome.path, 'FIRST');
    utimesSync(outcome.path, 1, 1);
    expect(recheckArchived(file, outcome.path, places)).toEqual({ kind: 'changed' });
    expect(readFileSync(source, 'utf8')).toBe('FIRST');
  });
});
