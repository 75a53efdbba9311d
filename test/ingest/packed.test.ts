import { appendFileSync, readdirSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { createHash, randomBytes } from 'node:crypto';
import { expect, onTestFinished, test, vi } from 'vitest';
import { dryRun } from '../../src/ingest/dry-run.ts';
import { UNPACK_LIMITS } from '../../src/ingest/unpack.ts';
import { openRehearsal } from '../../src/store/open.ts';
import { MIGRATIONS, openDesk, type Desk } from '../helpers/ingest.ts';
import { claimsFeed } from '../helpers/small-feed.ts';
import { tempFolder } from '../helpers/temp.ts';

const NAME = 'claim_20260801.csv.gz';

/** A desk whose feed takes compressed files. */
function openPacked(): Desk {
  return openDesk({ feed: claimsFeed('{dataset}_{stamp:YYYYMMDD}.csv', ', compressed: true') });
}

const TEXT = 'id,status\nC1,open\nC2,"on\nhold"\nC3,x,y\nC4,closed\n';

test('P6: what is hashed and sized is what was delivered; lines, offsets and raw texts are those of the text', async () => {
  const desk = openPacked();
  const packed = gzipSync(TEXT);
  const outcome = await desk.ingest(desk.write(NAME, packed));
  expect(outcome).toMatchObject({ kind: 'ingested', counts: { read: 4, inserted: 3, rejected: 1 } });
  expect(
    desk.rows(
      'SELECT name, bytes, sha256, bytes_header + bytes_rows + bytes_refused + bytes_skipped AS text FROM files',
    ),
  ).toEqual([
    { name: NAME, bytes: packed.length, sha256: createHash('sha256').update(packed).digest('hex'), text: TEXT.length },
  ]);
  expect(desk.rows('SELECT line, byte_offset, raw FROM rejects')).toEqual([
    { line: 5, byte_offset: TEXT.indexOf('C3'), raw: 'C3,x,y' },
  ]);
  expect(await desk.ingest(desk.write(NAME, packed))).toMatchObject({ kind: 'unchanged' });
});

test('a file of several members, as `cat a.gz b.gz` makes it, is one text; one without .gz is taken as it is', async () => {
  const desk = openPacked();
  const packed = Buffer.concat([gzipSync('id,status\nC1,a\n'), gzipSync('C2,b\n')]);
  expect(await desk.ingest(desk.write(NAME, packed))).toMatchObject({ counts: { inserted: 2 } });
  expect(await desk.ingest(desk.write('claim_20260802.csv', 'id,status\nC3,c\n'))).toMatchObject({
    counts: { inserted: 1 },
  });
});

test('one that is large enough for the parsing thread is read there', async () => {
  const desk = openPacked();
  const rows = Array.from({ length: 300_000 }, (_, at) => `C${at},${at % 7}-some-status`);
  expect(await desk.ingest(desk.write(NAME, gzipSync(`id,status\n${rows.join('\n')}\n`)))).toMatchObject({
    counts: { read: 300_000, inserted: 300_000 },
  });
});

const packed = gzipSync(TEXT);

test.each([
  [
    'cut off',
    packed.subarray(0, packed.length - 12),
    'the compressed file ends too early: the upload was probably cut off',
  ],
  ['no gzip file', Buffer.from(TEXT), 'the file ends with .gz, and is no gzip file or is damaged'],
  ['damaged', Buffer.concat([packed.subarray(0, 30), randomBytes(8), packed.subarray(38)]), 'is damaged'],
  ['followed by something else', Buffer.concat([packed, Buffer.from('C9,lost\n')]), 'is damaged'],
])('one that is %s is quarantined with its reason', async (_, bytes, reason) => {
  const desk = openPacked();
  const outcome = await desk.ingest(desk.write(NAME, bytes));
  expect(outcome).toMatchObject({ kind: 'quarantined', code: 'bad_gzip' });
  expect(outcome.kind === 'quarantined' ? outcome.reason : '').toContain(reason);
});

test('P7: one that swells beyond the limits is quarantined, and nothing of it stays', async () => {
  const desk = openPacked();
  const folder = tempFolder();
  vi.stubEnv('SQLITE_TMPDIR', folder);
  const before = { ...UNPACK_LIMITS };
  onTestFinished(() => {
    Object.assign(UNPACK_LIMITS, before);
    vi.unstubAllEnvs();
  });
  Object.assign(UNPACK_LIMITS, { anyRatioBytes: 1024 * 1024, ratio: 100 });
  const bomb = gzipSync(`id,status\n${'0'.repeat(4 * 1024 * 1024)}\n`);
  const swollen = await desk.ingest(desk.write(NAME, bomb));
  expect(swollen).toMatchObject({ kind: 'quarantined', code: 'bad_gzip' });
  expect(swollen.kind === 'quarantined' ? swollen.reason : '').toContain('more than 100 times its size');
  Object.assign(UNPACK_LIMITS, { mostBytes: 1024 });
  const large = await desk.ingest(desk.write('claim_20260802.csv.gz', gzipSync(randomBytes(4096).toString('hex'))));
  expect(large.kind === 'quarantined' ? large.reason : '').toContain('GiB');
  expect(readdirSync(folder)).toEqual([]);
});

test('P1: one that grows while it is read is left for later', async () => {
  const desk = openPacked();
  const file = desk.write(NAME, packed);
  appendFileSync(file.path, 'more');
  expect(await desk.ingest(file)).toMatchObject({ kind: 'changed' });
});

test('check reads it, too', async () => {
  const desk = openPacked();
  const file = desk.write(NAME, packed);
  const place = { db: desk.database.file, feed: desk.feed, migrations: MIGRATIONS, program: '0' };
  const rehearsal = await openRehearsal(place);
  const options = {
    afresh: false,
    stop: new AbortController().signal,
    onProgress: () => undefined,
    now: () => new Date(),
  };
  for await (const { outcome } of dryRun(rehearsal, [file], options))
    expect(outcome).toMatchObject({ kind: 'ingested', counts: { inserted: 3, rejected: 1 } });
  await rehearsal.close();
});
