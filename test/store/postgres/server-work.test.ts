import type pg from 'pg';
import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import { serverPlace } from '../../../src/store/postgres/server-place.ts';
import { createSession } from '../../../src/store/postgres/session.ts';
import { feedFileName, feedFileText } from '../../helpers/feed-files.ts';
import { createStoreDesk } from '../../helpers/ingest.ts';
import { serverSuite, waitsForLock } from '../../helpers/postgres-store.ts';
import { describePostgres } from '../../helpers/postgres.ts';
import { procedure } from '../../helpers/rows.ts';
import { tempFolder } from '../../helpers/temp.ts';

const NAME = feedFileName('Procedure', '20260801_060000');

describePostgres('a statement that takes long', () => {
  const openDesk = serverSuite();
  afterEach(() => {
    vi.useRealTimers();
  });

  test('P7: is told of while the server is at work: a worker that waits for it is none that hangs', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const { store, client } = await openDesk();
    const desk = createStoreDesk(store, tempFolder());
    const file = desk.write(NAME, feedFileText('Procedure', [procedure('P1')]));
    await client.query('BEGIN');
    await client.query('SELECT 1 FROM feeds FOR UPDATE');
    onTestFinished(async () => {
      await client.query('ROLLBACK');
    });
    const onProgress = vi.fn();
    const outcome = desk.ingest(file, { onProgress });
    await waitsForLock(client);
    onProgress.mockClear();
    vi.advanceTimersByTime(5_000);
    await expect.poll(() => onProgress.mock.calls.length).toBe(1);
    await client.query('COMMIT');
    expect(await outcome).toMatchObject({ kind: 'ingested' });
  });

  test('ends with whoever asked for it, and lets go of its locks', async () => {
    const { place, client } = await openDesk();
    const session = createSession(serverPlace(place.db), 'asleep');
    const asked = session.transaction('test', 'write', async (sleeper) => {
      const sleeping = sleeper.query('SELECT pg_sleep(60)');
      await expect.poll(() => running(client)).toBe(1);
      // As a process does that is killed.
      (sleeper as pg.ClientBase & { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
      await sleeping;
    });
    await expect(asked).rejects.toMatchObject({ kind: 'unreachable' });
    await expect.poll(() => running(client), { timeout: 10_000 }).toBe(0);
  });
});

async function running(client: pg.Client): Promise<number | null> {
  const { rowCount } = await client.query(`SELECT 1 FROM pg_stat_activity WHERE application_name = 'asleep'`);
  return rowCount;
}
