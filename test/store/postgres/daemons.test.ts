import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type pg from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { runCommandLine } from '../../../src/command-line.ts';
import type { AttemptedContent } from '../../../src/store/attempts.ts';
import { openReader } from '../../../src/store/open.ts';
import type { Store } from '../../../src/store/store.ts';
import { captureIo } from '../../helpers/command-io.ts';
import { feedFileName, feedFileText } from '../../helpers/feed-files.ts';
import { createStoreDesk } from '../../helpers/ingest.ts';
import { openServer, serverSuite } from '../../helpers/postgres-store.ts';
import { describePostgres } from '../../helpers/postgres.ts';
import { procedure } from '../../helpers/rows.ts';
import { tempFolder } from '../../helpers/temp.ts';

const NAME = feedFileName('Procedure', '20260801_060000');
const NOW = new Date('2026-08-10T12:00:00Z');
const CONTENT: AttemptedContent = { name: NAME, stat: { bytes: 1, mtimeNs: 1n, ctimeNs: 1n, inode: 1n }, sha256: 'x' };
const NONE = { failures: 0, deaths: 0 };
/** No process has this id. */
const GONE = 2 ** 22 + 1;

function landingFolder(): string {
  const landing = join(tempFolder(), 'landing');
  mkdirSync(landing);
  return landing;
}

async function claimed(store: Store): Promise<boolean> {
  const claim = await store.claim(NAME);
  await claim?.release();
  return claim !== null;
}

/** Ends the connection on which a daemon loads its files. */
async function cutOff(client: pg.Client, host: string): Promise<void> {
  await client.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE datname = current_database() AND application_name = 'landfall ' || $1`,
    [host],
  );
}

describePostgres('several daemons on one database', () => {
  const openDesk = serverSuite();

  test('take each file of a shared folder once', async () => {
    const { place, store } = await openDesk();
    const other = await openServer(place);
    onTestFinished(() => other.close());
    const landing = landingFolder();
    const [mine, others] = [createStoreDesk(store, landing), createStoreDesk(other, landing)];
    const file = mine.write(NAME, feedFileText('Procedure', [procedure('P1')]));
    const claim = await store.claim(NAME);
    expect(await others.ingest(file)).toEqual({ kind: 'claimed' });
    await claim?.release();
    const outcomes = await Promise.all([mine.ingest(file), others.ingest(file)]);
    expect(outcomes.filter(({ kind }) => kind === 'ingested')).toHaveLength(1);
    expect(await others.ingest(file)).toMatchObject({ kind: 'taken', state: 'ingested' });
    expect(await others.ingest(file, { afresh: true })).toMatchObject({ kind: 'ingested', revision: 2 });
    const bad = mine.write(feedFileName('Visit', '20260801_060000'), 'x|y\n');
    expect(await mine.ingest(bad)).toMatchObject({ kind: 'quarantined' });
    expect(await others.ingest(bad)).toMatchObject({ kind: 'taken', state: 'quarantined' });
  });

  test('P7: one that dies in the middle lets go at once; an attempt of one that lives is no death', async () => {
    const { place, store, client } = await openDesk();
    const cut = await openServer(place, {
      holder: { pid: process.pid, host: 'h', command: 'cut', since: NOW.toISOString() },
    });
    onTestFinished(() => cut.close());
    await cut.claim(NAME);
    await cut.openAttempt(CONTENT, NOW);
    expect(await claimed(store)).toBe(false);
    await cutOff(client, 'cut');
    await expect.poll(() => claimed(store)).toBe(true);
    expect(await store.openAttempt(CONTENT, NOW)).toEqual(NONE);
    await cut.closeAttempt(CONTENT, false);
    expect((await client.query('SELECT process IS NULL AS closed, left_by FROM attempts')).rows).toEqual([
      { closed: false, left_by: null },
    ]);
  });

  test('P7: one that has not said for a while that it lives has died in the middle of its file', async () => {
    const { place, store, client } = await openDesk();
    const other = await openServer(place);
    onTestFinished(() => other.close());
    await other.openAttempt(CONTENT, NOW);
    await client.query(`UPDATE daemons SET beat_at = beat_at - interval '1 minute'`);
    expect(await store.openAttempt(CONTENT, NOW)).toEqual({ failures: 0, deaths: 1 });
  });

  test.each([
    ['crashed', { crashed: true, cutShortAt: null }, { failures: 1, deaths: 0 }],
    ['died, nobody knows why', { crashed: false, cutShortAt: null }, { failures: 0, deaths: 1 }],
    ['was killed in order to stop', { crashed: false, cutShortAt: '2026-08-10T12:00:01.000Z' }, NONE],
  ])(
    'a daemon says of its own forerunner, and of no other, that it %s, also where another has taken its file',
    async (_, before, mishaps) => {
      const { place, store } = await openDesk();
      const holder = { pid: GONE, host: 'h', command: 'run', since: NOW.toISOString() };
      const other = { ...CONTENT, name: feedFileName('Visit', '20260801_060000') };
      const forerunner = await openServer(place, { holder });
      await forerunner.openAttempt(CONTENT, NOW);
      await store.openAttempt(other, NOW);
      expect(await store.openAttempt(CONTENT, NOW)).toEqual(NONE);
      const successor = await openServer(place, { holder, before });
      onTestFinished(async () => {
        await Promise.all([forerunner.close(), successor.close()]);
      });
      expect(await successor.openAttempt(CONTENT, NOW)).toEqual(mishaps);
      expect(await store.openAttempt(other, NOW)).toEqual(NONE);
    },
  );

  test('P4: another content under a name from the folder of another daemon is refused, the same one is nothing new', async () => {
    const { place, client } = await openDesk();
    const desks = await Promise.all(
      [1, 2].map(async () => {
        const landing = landingFolder();
        const store = await openServer(place, { landing });
        onTestFinished(() => store.close());
        return createStoreDesk(store, landing);
      }),
    );
    const [first, second] = desks;
    if (first === undefined || second === undefined) throw new Error('there are two');
    await first.deliver('Procedure', '20260801_060000', [procedure('P1')]);
    expect(await second.deliver('Procedure', '20260801_060000', [procedure('P1')])).toMatchObject({
      kind: 'unchanged',
    });
    const changed = [procedure('P1', 'second')];
    expect(await second.deliver('Procedure', '20260801_060000', changed)).toMatchObject({
      ...{ kind: 'quarantined', code: 'other_folder' },
    });
    expect(await first.deliver('Procedure', '20260801_060000', changed)).toMatchObject({ kind: 'ingested' });
    // A folder that nobody serves any more was moved.
    await client.query(`UPDATE daemons SET beat_at = beat_at - interval '1 minute'`);
    const third = [procedure('P1', 'third')];
    expect(await second.deliver('Procedure', '20260801_060000', third)).toMatchObject({ kind: 'ingested' });
  });

  test('status shows them to people, too', async () => {
    const { place, store, client } = await openDesk();
    const other = await openServer(place, { landing: landingFolder() });
    onTestFinished(() => other.close());
    await store.openAttempt(CONTENT, NOW);
    await client.query(`UPDATE daemons SET beat_at = '2026-08-10T11:55:00Z' WHERE landing IS NULL`);
    await client.query(`UPDATE daemons SET beat_at = '2099-08-10T12:00:00Z', file = $1 WHERE landing IS NOT NULL`, [
      NAME,
    ]);
    const io = captureIo({ now: NOW });
    const stateDir = tempFolder();
    expect(await runCommandLine(['status', '--db', place.db, '--state-dir', stateDir], { open: () => io })).toBe(0);
    expect(io.written.out).toMatch(/^Daemons\n/m);
    expect(io.written.out).toMatch(/^host-\d+\s+\d+\s+run\s+silent\s+5 minutes ago/m);
    expect(io.written.out).toMatch(
      /^host-\d+\s+\d+\s+run\s+alive\s+HospitalABC_VisitPay_Procedure_\[20260801_060000\]/m,
    );
  });

  test('status tells of all that run, and no more of one that has ended', async () => {
    const { place, store } = await openDesk();
    const reader = await openReader(place.db, place.feed);
    onTestFinished(() => reader.close());
    const { daemons } = await reader.status(0);
    expect(daemons).toMatchObject([{ pid: process.pid, command: 'run', program: '0.0.0', alive: true, file: null }]);
    await store.close();
    expect(await reader.status(0)).toMatchObject({ daemons: [] });
  });
});
