import { createHash, randomUUID } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { runCommandLine } from '../../src/command-line.ts';
import type { Manifest } from '../../src/export/manifest.ts';
import { requireS3Place, type S3Options } from '../../src/export/s3-client.ts';
import { openS3Target } from '../../src/export/s3-target.ts';
import { openSpool } from '../../src/export/spool.ts';
import type { Target } from '../../src/export/target.ts';
import { createBilling, findLeak } from '../helpers/billing.ts';
import { captureIo } from '../helpers/command-io.ts';
import { askDuckdb } from '../helpers/duckdb.ts';
import { openDesk, type Desk } from '../helpers/ingest.ts';
import { type FakeS3, startFakeS3 } from '../helpers/s3.ts';
import { tempFolder } from '../helpers/temp.ts';

/** A real server, with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY beside it, and a bucket that may be filled. */
const REAL = process.env['LANDFALL_TEST_S3_ENDPOINT'];
const REAL_BUCKET = process.env['LANDFALL_TEST_S3_BUCKET'] ?? 'landfall-test';

/** S3 takes no smaller ones. */
const PIECE_BYTES = REAL === undefined ? 64 * 1024 : 5 * 1024 * 1024;

/** Fast enough for a test: a request that is not answered is tried again at once. */
const HASTY = { timeoutMs: 300, attempts: 3 };

type Place = Pick<S3Options, 'env'> & { readonly to: string };

async function fakePlace(): Promise<Place & { readonly fake: FakeS3 }> {
  const fake = await startFakeS3();
  return { fake, env: fake.env, to: `s3://${fake.bucket}/prod/clinic` };
}

const PLACES: [string, () => Promise<Place>][] = [
  ['our strict fake', fakePlace],
  ...(REAL === undefined
    ? []
    : [[REAL, () => Promise.resolve({ env: { ...process.env, AWS_ENDPOINT_URL: REAL }, to: `s3://${REAL_BUCKET}/${randomUUID()}` })] as [string, () => Promise<Place>]]), // prettier-ignore
];

async function openTarget({ env, to }: Place, options: Partial<S3Options> = {}): Promise<Target & AsyncDisposable> {
  const target = await openS3Target(requireS3Place(to), await openSpool(tempFolder()), { env, ...options });
  return { ...target, [Symbol.asyncDispose]: target.close };
}

/** A file in the spool of a target. */
function spooled(target: Target, content: string | Uint8Array): string {
  const file = join(target.spool, `${randomUUID()}.tmp`);
  writeFileSync(file, content);
  return file;
}

async function filledDesk(): Promise<Desk> {
  const desk = openDesk();
  const billing = createBilling(41);
  const procedure = billing.procedure();
  const visits = ['2026-06-01', '2026-07-01', '2026-07-02'].map((VisitDate) =>
    billing.visit(procedure, { VisitDate, DischargeDate: '' }),
  );
  await desk.deliver('Procedure', '20260801_060000', [procedure]);
  await desk.deliver('Visit', '20260801_060000', visits);
  return desk;
}

async function runExport(desk: Desk, { env, to }: Place, args: readonly string[] = []) {
  const io = { ...captureIo({ now: new Date() }), env };
  const all = ['export', '--db', desk.database.file, '--to', to, '--partition-by', 'visits.visit_date:month', ...args];
  const exitCode = await runCommandLine(all, { open: () => io });
  return { exitCode, out: io.written.out };
}

/** The manifest that lies there, and what lies under the names of its parts. */
async function readBack(
  place: Place,
): Promise<{ manifest: Manifest; parts: Map<string, Buffer>; listed: readonly string[] }> {
  await using target = await openTarget(place);
  const manifest = JSON.parse((await target.readManifest())?.text ?? 'null') as Manifest;
  const parts = new Map<string, Buffer>();
  for (const { file } of manifest.tables.flatMap((table) => table.parts))
    parts.set(file, readFileSync(await target.fetch(file)));
  return { manifest, parts, listed: await target.list() };
}

const PART = 'visits/part-0001-0123456789abcdef.parquet';

describe.each(PLACES)('export to a bucket: %s', (_, makePlace) => {
  test('parts and manifest lie there as they would in a folder, and a second run writes what has changed only', async () => {
    const [desk, place] = [await filledDesk(), await makePlace()];
    const { exitCode, out } = await runExport(desk, place, ['--verify']);
    expect([exitCode, findLeak(out)]).toEqual([0, null]);
    const first = await readBack(place);
    expect(first.listed.toSorted()).toEqual([...first.parts.keys()].toSorted());
    const to = join(desk.folder, 'lake');
    await runExport(desk, { env: {}, to });
    for (const [name, content] of first.parts) expect(readFileSync(join(to, name)).equals(content)).toBe(true);
    expect(first.parts.size).toBe(4);

    desk.db.exec(`UPDATE visits SET status = 'Closed', total_charge_cents = 7 WHERE visit_date = '2026-06-01'`);
    expect((await runExport(desk, place, ['--verify'])).out).toContain('1 old part removed');
    const second = await readBack(place);
    expect(second.manifest.generation).toBe(2);
    expect([...second.parts.keys()].filter((name) => !first.parts.has(name))).toEqual([expect.stringMatching(/^visits\/month=2026-06\/part-0002-/)]); // prettier-ignore
    expect(second.listed.toSorted()).toEqual([...second.parts.keys()].toSorted());
    const file = join(desk.folder, 'june.parquet');
    writeFileSync(file, [...second.parts].find(([name]) => name.includes('2026-06'))?.[1] ?? '');
    expect(await askDuckdb(`SELECT total_charge_cents::INT, visit_date::VARCHAR FROM '${file}'`)).toEqual([[7, '2026-06-01']]); // prettier-ignore
  });

  test('a manifest takes the place of the one that was read, and of no other', async () => {
    const place = await makePlace();
    await using one = await openTarget(place);
    await using other = await openTarget(place);
    expect(await one.readManifest()).toBeNull();
    expect(await one.commit('1', null)).toBe(true);
    expect(await other.commit('2', null)).toBe(false);
    const first = await other.readManifest();
    expect(first?.text).toBe('1');
    expect(await other.commit('2', first)).toBe(true);
    expect(await one.commit('3', first)).toBe(false);
    expect((await one.readManifest())?.text).toBe('2');
  });

  test('a large part is sent in pieces', async () => {
    await using target = await openTarget(await makePlace(), { pieceBytes: PIECE_BYTES });
    const content = Buffer.alloc(2.5 * PIECE_BYTES, 'landfall');
    await target.put(PART, spooled(target, content));
    expect(readFileSync(await target.fetch(PART)).equals(content)).toBe(true);
    await target.remove([PART]);
    expect(await target.list()).toEqual([]);
  });

  test('a bucket that is not there, and a key that is another, end with one clear sentence', async () => {
    const [desk, place] = [await filledDesk(), await makePlace()];
    await expect(runExport(desk, { ...place, to: 's3://no-such-bucket-here/x' })).rejects.toThrow(
      's3://no-such-bucket-here/x: there is no such bucket (make it, or name another with --to)',
    );
    await expect(runExport(desk, { ...place, env: { ...place.env, AWS_SECRET_ACCESS_KEY: 'x' } })).rejects.toThrow(
      'its secret key is another (check AWS_SECRET_ACCESS_KEY)',
    );
  });
});

describe('a bucket in trouble', () => {
  test('errors, answers that are lost and requests that are not answered are tried again', async () => {
    const place = await fakePlace();
    await using target = await openTarget(place, HASTY);
    for (const trouble of ['error', 'lost', 'silent'] as const) {
      for (const doIt of [
        () => target.put(PART, spooled(target, 'part')),
        () => target.list(),
        () => target.fetch(PART),
        () => target.remove([PART]),
      ]) {
        let left = 1;
        place.fake.trouble = () => (left-- > 0 ? trouble : 'none');
        await doIt();
      }
    }
  });

  test('a manifest whose answer was lost is known for our own', async () => {
    const place = await fakePlace();
    await using target = await openTarget(place, HASTY);
    let left = 1;
    place.fake.trouble = (method) => (method === 'PUT' && left-- > 0 ? 'lost' : 'none');
    expect(await target.commit('mine', null)).toBe(true);
    expect(place.fake.requests.filter((request) => request.startsWith('PUT'))).toHaveLength(2);
    // All answers are lost, and none of them is asked for again.
    const before = await target.readManifest();
    place.fake.trouble = (method) => (method === 'PUT' ? 'lost' : 'none');
    expect(await target.commit('mine, too', before)).toBe(true);
    expect((await target.readManifest())?.text).toBe('mine, too');
  });

  test("a manifest that another wrote while our answer was lost is the other's", async () => {
    const place = await fakePlace();
    await using target = await openTarget(place, HASTY);
    place.fake.objects.set('prod/clinic/_manifest.json', Buffer.from('old'));
    const before = await target.readManifest();
    let left = 1;
    place.fake.trouble = (method) => {
      if (method !== 'PUT' || left-- <= 0) return 'none';
      place.fake.objects.set('prod/clinic/_manifest.json', Buffer.from('of another'));
      return 'silent';
    };
    expect(await target.commit('mine', before)).toBe(false);
    expect((await target.readManifest())?.text).toBe('of another');
  });

  test('a conflict of two writes is tried again (409)', async () => {
    const place = await fakePlace();
    await using target = await openTarget(place, HASTY);
    let left = 2;
    place.fake.trouble = (method) => (method === 'PUT' && left-- > 0 ? 'conflict' : 'none');
    expect(await target.commit('mine', null)).toBe(true);
  });

  test('of pieces nothing stays where one cannot be sent, and a lost completion is found', async () => {
    const place = await fakePlace();
    await using target = await openTarget(place, { ...HASTY, pieceBytes: 64 * 1024 });
    const content = Buffer.alloc(200 * 1024, 'landfall');
    let puts = 0;
    place.fake.trouble = (method) => (method === 'PUT' && ++puts > 2 ? 'error' : 'none');
    await expect(target.put(PART, spooled(target, content))).rejects.toThrow(
      'could not be written, though tried again',
    );
    expect([place.fake.uploads.size, place.fake.objects.size]).toEqual([0, 0]);
    let posts = 0;
    place.fake.trouble = (method) => (method === 'POST' && ++posts === 2 ? 'lost' : 'none');
    await target.put(PART, spooled(target, content));
    expect(place.fake.objects.get(`prod/clinic/${PART}`)?.equals(content)).toBe(true);
  });

  test('a run that fails leaves the manifest as it was, whole and true, and the next run goes on from it', async () => {
    const [desk, place] = [await filledDesk(), await fakePlace()];
    await runExport(desk, place);
    const before = await readBack(place);
    desk.db.exec(`UPDATE visits SET status = 'Other'`);
    place.fake.trouble = (method, key) => (method === 'PUT' && key.endsWith('_manifest.json') ? 'error' : 'none');
    const failure = await runExport(desk, place).then(() => '', String);
    expect(failure).toMatch(/s3:\/\/lake\/prod\/clinic could not be written, though tried again \(InternalError\)/);
    expect(failure).not.toContain('\n');
    place.fake.trouble = () => 'none';
    const after = await readBack(place);
    expect([after.manifest, after.parts]).toEqual([before.manifest, before.parts]);
    expect((await runExport(desk, place, ['--verify'])).exitCode).toBe(0);
    const done = await readBack(place);
    expect(done.listed.toSorted()).toEqual([...done.parts.keys()].toSorted());
    for (const { file, sha256 } of done.manifest.tables.flatMap(({ parts }) => parts))
      expect(
        createHash('sha256')
          .update(done.parts.get(file) ?? '')
          .digest('hex'),
      ).toBe(sha256);
    expect(readdirSync(desk.folder).sort()).toEqual(['db', 'landing']);
  });

  test('of two runs at once one writes its manifest, the other says so, and what lies there is true', async () => {
    const [desk, place] = [await filledDesk(), await fakePlace()];
    await runExport(desk, place);
    desk.db.exec(`UPDATE visits SET status = 'Other'`);
    const ends = await Promise.allSettled([runExport(desk, place), runExport(desk, place, ['--verify'])]);
    expect(ends.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(ends.map((end) => (end.status === 'rejected' ? String(end.reason) : '')).join('')).toContain(
      'another export has written its manifest meanwhile',
    );
    const { manifest, parts } = await readBack(place);
    expect([manifest.generation, parts.size]).toEqual([2, 4]);
  });
});
