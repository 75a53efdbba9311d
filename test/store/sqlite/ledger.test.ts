import { utimesSync } from 'node:fs';
import { expect, test } from 'vitest';
import { latestRevision, noteStat, noteUnread } from '../../../src/store/sqlite/ledger.ts';
import type { UnreadName } from '../../../src/model/ledger.ts';
import { feedFileName, feedFileText } from '../../helpers/feed-files.ts';
import { listed, openDesk } from '../../helpers/ingest.ts';
import { procedure } from '../../helpers/rows.ts';

const NOW = new Date('2026-08-10T12:00:00Z');
const HUGE = { bytes: 1, mtimeNs: 2n ** 63n + 5n, ctimeNs: 7n, inode: 2n ** 64n - 2n };

function unread(name: string, changes: Partial<UnreadName> = {}): UnreadName {
  const nothing = { dataset: null, stamp: null, stat: { bytes: 1, mtimeNs: 1n, ctimeNs: 1n, inode: 1n } };
  return { name, state: 'unrecognised', code: 'bad_name', reason: 'a reason', ...nothing, ...changes };
}

test('P7: a name that a changing folder lists twice is noted once', () => {
  const desk = openDesk();
  noteUnread(desk.database, [unread('a'), unread('b'), unread('a')], NOW);
  expect(desk.column('SELECT name FROM files ORDER BY name')).toEqual(['a', 'b']);
  expect(noteUnread(desk.database, [unread('a'), unread('b')], NOW)).toEqual([]);
});

test('P7: a name whose times or inode need 64 bits without a sign is noted like any other', () => {
  const desk = openDesk();
  noteUnread(desk.database, [unread('a', { stat: HUGE })], NOW);
  expect(desk.column('SELECT name FROM files')).toEqual(['a']);
});

test('P7: a file of the year 2300 goes in, and is then known', async () => {
  const desk = openDesk();
  const { name, path } = desk.write(
    feedFileName('Procedure', '20260801_060000'),
    feedFileText('Procedure', [procedure('P1')]),
  );
  utimesSync(path, new Date(), new Date('2300-01-01T00:00:00Z'));
  const file = listed(desk.feed, desk.landing, name);
  expect(await desk.ingest(file)).toMatchObject({ kind: 'ingested' });
  expect(await desk.ingest(file)).toMatchObject({ kind: 'unchanged' });
});

test('an inode of 64 bits is read back as it was', async () => {
  const desk = openDesk();
  await desk.deliver('Procedure', '20260801_060000', [procedure('P1')]);
  const name = feedFileName('Procedure', '20260801_060000');
  noteStat(desk.database, { fileId: 1, name }, HUGE);
  expect(latestRevision(desk.database, name)?.stat).toMatchObject({ bytes: 1, ctimeNs: 7n, inode: HUGE.inode });
});
