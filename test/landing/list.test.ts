import { execFileSync, spawnSync } from 'node:child_process';
import { lstatSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { loadFeed } from '../../src/feed/load.ts';
import { FolderFault } from '../../src/landing/folder-fault.ts';
import { listLanding, type Listing } from '../../src/landing/list.ts';
import { feedFileName } from '../helpers/feed-files.ts';
import { FEED_FILE } from '../helpers/ingest.ts';
import { refuseLstat } from '../helpers/lstat.ts';
import { tempFolder } from '../helpers/temp.ts';

const feed = loadFeed(FEED_FILE);
const HOUR = 3_600_000;

function list(folder: string, options: { later?: number; passOver?: (name: string) => boolean } = {}): Listing {
  const { later = 0, passOver = () => false } = options;
  return listLanding({ folder, feed, wall: Date.now() + later, passOver });
}

/** A name of the feed; each hour is another one. */
function name(hour: number): string {
  return feedFileName('Visit', `20260801_${String(hour).padStart(2, '0')}0000`);
}

function codes(listing: Listing): Record<string, string> {
  return Object.fromEntries(listing.unread.map((unread) => [unread.name, unread.code]));
}

test('P7: an entry that cannot be seen is told and holds up no other; a folder of which nothing can be seen is at fault', () => {
  const folder = tempFolder();
  for (const hour of [6, 7]) writeFileSync(join(folder, name(hour)), 'abc');
  mkdirSync(join(folder, 'archive'));
  const end = refuseLstat('EIO', (path) => path.endsWith('archive') || path.endsWith(name(6)));
  const { files, unseen } = list(folder);
  expect(files.map((file) => file.name)).toEqual([name(7)]);
  expect(unseen).toEqual([{ name: name(6), code: 'EIO' }]);
  end();
  refuseLstat('EIO', () => true);
  expect(() => list(folder)).toThrow(FolderFault);
});

test('lists regular files of the feed with dataset, stamp and stat; leaves other names alone', () => {
  const folder = tempFolder();
  writeFileSync(join(folder, name(6)), 'abc');
  writeFileSync(join(folder, 'notes.txt'), 'abc');
  mkdirSync(join(folder, 'archive'));
  const { files, unread } = list(folder);
  const stat = lstatSync(join(folder, name(6)), { bigint: true });
  expect(files).toHaveLength(1);
  expect(files[0]).toMatchObject({
    name: name(6),
    path: join(folder, name(6)),
    stamp: '2026-08-01T06:00:00Z',
    stat: { bytes: 3, mtimeNs: stat.mtimeNs, ctimeNs: stat.ctimeNs, inode: stat.ino },
  });
  expect(files[0]?.dataset.name).toBe('Visit');
  expect(unread).toEqual([]);
});

test('passes over what the loop knows', () => {
  const folder = tempFolder();
  for (const hour of [1, 2, 3]) writeFileSync(join(folder, name(hour)), 'abc');
  const { files } = list(folder, { passOver: (known) => known !== name(2) });
  expect(files.map((file) => file.name)).toEqual([name(2)]);
});

test('P7: a folder, link, pipe or socket under a right name is reported, never followed, never blocked on', async () => {
  const folder = tempFolder();
  const outside = join(tempFolder(), 'secret.txt');
  writeFileSync(outside, 'secret');
  mkdirSync(join(folder, name(1)));
  symlinkSync(outside, join(folder, name(2)));
  symlinkSync('nowhere', join(folder, name(3)));
  execFileSync('mkfifo', [join(folder, name(4))]);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(join(folder, name(5)), resolve));
  onTestFinished(() => {
    server.close();
  });
  const { files, unread } = list(folder);
  expect(files).toEqual([]);
  expect(unread.map(({ name: of, code, reason, state, dataset }) => [of, code, reason, state, dataset]).sort()).toEqual([
    [name(1), 'not_a_file', 'it is a folder, not a file', 'quarantined', 'Visit'],
    [name(2), 'not_a_file', 'it is a symbolic link, not a file', 'quarantined', 'Visit'],
    [name(3), 'not_a_file', 'it is a symbolic link, not a file', 'quarantined', 'Visit'],
    [name(4), 'not_a_file', 'it is a pipe, not a file', 'quarantined', 'Visit'],
    [name(5), 'not_a_file', 'it is a socket, not a file', 'quarantined', 'Visit'],
  ]);
});

test('P7: a device under a right name is reported, never opened', ({ skip }) => {
  const folder = tempFolder();
  // A terminal that nobody has: opening it would wait or fail. Only root may make one.
  if (spawnSync('mknod', [join(folder, name(1)), 'c', '5', '3']).status !== 0) skip('a device cannot be made here');
  const { files, unread } = list(folder);
  expect(files).toEqual([]);
  expect(unread).toMatchObject([{ name: name(1), code: 'not_a_file', reason: 'it is a device, not a file' }]);
});

test('a name with a line break or with bytes that are not UTF-8 is reported', () => {
  const folder = tempFolder();
  const broken = name(1).replace('.txt', '\n.txt');
  writeFileSync(join(folder, broken), 'abc');
  const bytes = Buffer.from(`${folder}/${name(2).replace('.txt', '~.txt')}`);
  bytes[bytes.indexOf('~')] = 0xff;
  writeFileSync(bytes, 'abc');
  const foreign = Buffer.from(`${folder}/other~`);
  foreign[foreign.indexOf('~')] = 0xfe;
  writeFileSync(foreign, 'abc');
  const listing = list(folder);
  expect(listing.files).toEqual([]);
  expect(codes(listing)).toEqual({ [broken]: 'bad_name', [name(2).replace('.txt', '\\xff.txt')]: 'bad_name' });
  expect(listing.unread.every((unread) => unread.stat.bytes === 3)).toBe(true);
});

test.each([
  ['U+FFFD behind the prefix', name(3).replace('Visit_', 'Vis\uFFFDt_'), null],
  ['U+FFFD in the prefix', name(3).replace('Hospital', 'Hosp\uFFFDtal'), null],
  ['an odd byte behind the prefix', name(3).replace('Visit_', 'Vis~t_'), name(3).replace('Visit_', 'Vis\\xfft_')],
  ['an odd byte in the prefix', name(3).replace('Hospital', 'Hosp~tal'), name(3).replace('Hospital', 'Hosp\\xfftal')],
])('a near miss with %s is reported', (_, written, reported) => {
  const folder = tempFolder();
  const bytes = Buffer.from(join(folder, written));
  if (bytes.includes('~')) bytes[bytes.indexOf('~')] = 0xff;
  writeFileSync(bytes, 'abc');
  writeFileSync(join(folder, 'other\uFFFD.txt'), 'abc');
  expect(codes(list(folder))).toEqual({ [reported ?? written]: 'bad_name' });
});

test('an upload under way whose name has U+FFFD or odd bytes is reported once it is an hour old', () => {
  const folder = tempFolder();
  const names = [`${name(1)}\uFFFD.part`, `${name(2)}~.tmp`];
  for (const upload of names) {
    const bytes = Buffer.from(join(folder, upload));
    if (bytes.includes('~')) bytes[bytes.indexOf('~')] = 0xff;
    writeFileSync(bytes, 'abc');
  }
  expect(list(folder)).toMatchObject({ unread: [], coming: 2 });
  expect(codes(list(folder, { later: HOUR + 5_000 }))).toEqual({
    [`${name(1)}\uFFFD.part`]: 'partial_upload',
    [`${name(2)}\\xff.tmp`]: 'partial_upload',
  });
});

test('P7: a name with odd bytes that cannot be seen holds up no other', () => {
  const folder = tempFolder();
  const bytes = Buffer.from(join(folder, name(1).replace('Visit_', 'Vis~t_')));
  bytes[bytes.indexOf('~')] = 0xff;
  writeFileSync(bytes, 'abc');
  writeFileSync(join(folder, name(2)), 'abc');
  refuseLstat('EIO', (path) => !path.includes(name(2)));
  expect(list(folder).files.map((file) => file.name)).toEqual([name(2)]);
});

test('a near miss is reported with what is wrong, unless it is a folder', () => {
  const folder = tempFolder();
  const miss = feedFileName('Visit', '20261332_000000');
  writeFileSync(join(folder, miss), 'abc');
  mkdirSync(join(folder, feedFileName('Visit', 'old')));
  const listing = list(folder);
  expect(codes(listing)).toEqual({ [miss]: 'bad_stamp' });
  expect(listing.unread[0]).toMatchObject({ state: 'unrecognised', dataset: null, stamp: null });
});

test('an empty file and an unfinished upload are reported once they are an hour old', () => {
  const folder = tempFolder();
  writeFileSync(join(folder, name(1)), '');
  writeFileSync(join(folder, `${name(2)}.part`), 'abc');
  expect(list(folder)).toMatchObject({ files: [], unread: [] });
  expect(list(folder, { later: HOUR - 5_000 })).toMatchObject({ files: [], unread: [] });
  expect(codes(list(folder, { later: HOUR + 5_000 }))).toEqual({
    [name(1)]: 'empty',
    [`${name(2)}.part`]: 'partial_upload',
  });
});

test('finds what was set aside to be removed, also by an older version', () => {
  const folder = tempFolder();
  writeFileSync(join(folder, `.${name(1)}.20261121T060000.123Z.removing`), 'abc');
  writeFileSync(join(folder, `.${name(1)}.7.moving-2`), 'def');
  const { setAside, ...rest } = list(folder);
  expect(rest).toMatchObject({ files: [], unread: [] });
  expect(setAside.toSorted((a, b) => a.file.localeCompare(b.file))).toEqual([
    { file: `.${name(1)}.20261121T060000.123Z.removing`, name: name(1), takenAt: '2026-11-21T06:00:00.123Z' },
    { file: `.${name(1)}.7.moving-2`, name: name(1), takenAt: null },
  ]);
});

test('leaves alone what only looks as if it were set aside', () => {
  const folder = tempFolder();
  writeFileSync(join(folder, '.notes.txt.7.moving'), 'abc');
  expect(list(folder)).toMatchObject({ files: [], unread: [], setAside: [] });
});

test('a folder that is not there is a fault of the folder', () => {
  expect(() => list(join(tempFolder(), 'none'))).toThrow(FolderFault);
  expect(() => list('/dev/null')).toThrow('cannot be read (ENOTDIR)');
});
