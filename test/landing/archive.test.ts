import {
  appendFileSync,
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { finishMove, moveToArchive, recheckArchived, type ArchivePlaces } from '../../src/landing/archive.ts';
import { restoreSetAside } from '../../src/landing/copy-move.ts';
import { fileStat } from '../../src/landing/file-stat.ts';
import type { Archivable } from '../../src/landing/move.ts';
import { feedFileName } from '../helpers/feed-files.ts';
import { tempFolder } from '../helpers/temp.ts';

const NAME = feedFileName('Visit', '20260801_060000');
/** A file system of its own on any Linux. */
const OTHER_DEVICE = '/dev/shm';
const hasOtherDevice = existsSync(OTHER_DEVICE) && statSync(OTHER_DEVICE).dev !== statSync(tmpdir()).dev;

/** A landing folder with one file, read as it is. */
function desk(archiveOn: 'same' | 'other' = 'same'): { file: Archivable; places: ArchivePlaces; source: string } {
  const folder = tempFolder();
  let archive = join(folder, 'archive');
  if (archiveOn === 'other') {
    const root = mkdtempSync(join(OTHER_DEVICE, 'landfall-test-'));
    onTestFinished(() => {
      rmSync(root, { recursive: true });
    });
    archive = join(root, 'archive');
  }
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
      expect(statSync(folder).mode & 0o777).toBe(0o770);
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
    writeFileSync(target, 'newer');
    writeFileSync(source, 'newest');
    expect(finishMove(file, places)).toEqual({ kind: 'aside', path: target });
    expect(readFileSync(target, 'utf8')).toBe('newer');
    expect(readFileSync(source, 'utf8')).toBe('newest');
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
    const aside = `.${NAME}.7.moving`;
    renameSync(source, join(places.landing, aside));
    expect(restoreSetAside(places.landing, aside)).toBe(true);
    expect(read(places.landing)).toEqual({ [NAME]: 'first' });
    writeFileSync(join(places.landing, aside), 'other');
    expect(restoreSetAside(places.landing, aside)).toBe(false);
    expect(read(places.landing)).toEqual({ [NAME]: 'first', [aside]: 'other' });
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
