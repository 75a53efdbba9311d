import { mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { listLanding, type Listing } from '../../src/landing/list.ts';
import type { Feed } from '../../src/model/feed.ts';
import { refuseOpen } from '../helpers/lstat.ts';
import { openDesk, type Desk } from '../helpers/ingest.ts';
import { claimsFeed } from '../helpers/small-feed.ts';
import { tempFolder } from '../helpers/temp.ts';

function list(feed: Feed, folder: string): Listing {
  return listLanding({ folder, feed, wall: Date.now() + 7_200_000, passOver: () => false });
}

/** A landing folder with these files in it. */
function landingWith(names: readonly string[]): string {
  const folder = tempFolder();
  for (const name of names) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), 'id\n');
  }
  return folder;
}

test('folders are looked into as deep as names of the feed are, and near misses there are told', () => {
  const folder = landingWith([
    'claim/claim_20220128.csv',
    'claim_line/claim_line_20220128.csv',
    'claim/old/claim_20220128.csv',
    'claim/claim_2022.csv',
    '.hidden/claim_20220128.csv',
    'claim_20220128.csv',
    'elsewhere/claim_20220128.csv',
  ]);
  symlinkSync(join(folder, 'claim'), join(folder, 'linked'));
  const { files, unread, folders } = list(claimsFeed('{dataset}/{dataset}_{stamp:YYYYMMDD}.csv'), folder);
  expect(files.map((file) => file.name).sort()).toEqual(['claim/claim_20220128.csv', 'claim_line/claim_line_20220128.csv']);
  expect(Object.fromEntries(unread.map((one) => [one.name, one.code]))).toEqual({
    'claim/claim_2022.csv': 'bad_stamp',
    'claim_20220128.csv': 'bad_name',
    'elsewhere/claim_20220128.csv': 'bad_dataset',
  });
  expect(folders.toSorted()).toEqual(['claim', 'claim_line', 'elsewhere']);
});

test('P7: a folder that cannot be looked into is told, and holds up no other', () => {
  const folder = landingWith(['claim/claim_20220128.csv', 'claim_line/claim_line_20220128.csv']);
  refuseOpen('EACCES', (path) => path.endsWith('/claim'));
  const { files, unseen } = list(claimsFeed('{dataset}/{dataset}_{stamp:YYYYMMDD}.csv'), folder);
  expect(files.map((file) => file.name)).toEqual(['claim_line/claim_line_20220128.csv']);
  expect(unseen).toEqual([{ name: 'claim', code: 'EACCES' }]);
});

/** Delivers a file without a stamp in its name, changed at this time. */
async function deliver(desk: Desk, name: string, text: string, changed: string): Promise<unknown> {
  const path = join(desk.landing, name);
  writeFileSync(path, text);
  utimesSync(path, new Date(changed), new Date(changed));
  const [file] = list(desk.feed, desk.landing).files.filter((one) => one.name === name);
  if (file === undefined) throw new Error('it is not listed');
  return await desk.ingest(file);
}

test('P4: a name without a stamp: a revision is as old as its file, and never older than the one before it', async () => {
  const desk = openDesk({ feed: claimsFeed('{dataset}.csv') });
  await deliver(desk, 'claim.csv', 'id,status\nC1,first\nC2,first\n', '2026-08-01T06:00:00.700Z');
  await deliver(desk, 'claim.csv', 'id,status\nC1,second\n', '2026-08-02T06:00:00Z');
  await deliver(desk, 'claim.csv', 'id,status\nC1,third\nC2,third\n', '2026-08-01T00:00:00Z');
  expect(desk.rows('SELECT revision, stamp, late FROM files ORDER BY revision')).toEqual([
    { revision: 1, stamp: '2026-08-01T06:00:00Z', late: 0 },
    { revision: 2, stamp: '2026-08-02T06:00:00Z', late: 0 },
    { revision: 3, stamp: '2026-08-02T06:00:00Z', late: 0 },
  ]);
  expect(desk.rows('SELECT claim_id, status, source_stamp FROM claims ORDER BY 1')).toEqual([
    { claim_id: 'C1', status: 'third', source_stamp: '2026-08-02T06:00:00Z' },
    { claim_id: 'C2', status: 'third', source_stamp: '2026-08-02T06:00:00Z' },
  ]);
});
