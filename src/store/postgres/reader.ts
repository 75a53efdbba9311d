import type { ClientBase } from 'pg';
import type { Feed } from '../../model/feed.ts';
import type { StoreReader, Verification } from '../reader.ts';
import { readDeliveries } from './deliveries-query.ts';
import { readFiles, readNotes } from './files-query.ts';
import { readOverview } from './overview-query.ts';
import { inPages } from './pages.ts';
import { readRejects } from './rejects-query.ts';
import { serverPlace } from './server-place.ts';
import { createSession } from './session.ts';
import { openSnapshot } from './snapshot.ts';
import { readStatus } from './status-query.ts';
import { checkSetUp, isSetUp, requireSchema, tablesOf } from './tables.ts';
import { checksOf, runCheck } from './verify.ts';

/**
 * Opens a database on a server to read it: a standby will do.
 * @throws LandfallError when it was never set up
 * @throws DatabaseFault when the server cannot be reached, or lets nobody in
 */
export async function openServerReader(db: string, feed: Feed): Promise<StoreReader> {
  const place = serverPlace(db);
  const session = createSession(place, 'landfall reader');
  const check = (client: ClientBase): Promise<void> => checkSetUp(client, place, feed);
  try {
    await session.transaction('open database', 'snapshot', (client) => requireSchema(client, place));
  } catch (error) {
    await session.close();
    throw error;
  }
  return {
    files: (search) =>
      inPages({
        ...{ session, check, operation: 'read ledger', most: search.limit },
        read: (client, after, most) => readFiles(client, search, after, most),
        sizeOf: (file) => file.extra?.join().length ?? 0,
      }),
    rejects: (search, withValues) =>
      inPages({
        ...{ session, check, operation: 'read rejects', most: search.limit },
        read: (client, after, most) => readRejects(client, feed, search, withValues, after, most),
        sizeOf: (row) => row.raw?.length ?? 0,
      }),
    status: (most) =>
      session.transaction('read database', 'snapshot', async (client) => {
        await check(client);
        return await readStatus(client, feed, most);
      }),
    overview: (since) =>
      session.transaction('read ledger', 'snapshot', async (client) => {
        await check(client);
        return await readOverview(client, since);
      }),
    deliveries: (since) =>
      session.transaction('read ledger', 'snapshot', async (client) => {
        await check(client);
        return await readDeliveries(client, feed, since);
      }),
    notes: (list) =>
      inPages({
        ...{ session, check, operation: 'read database', most: null },
        read: (client, after, most) => readNotes(client, list, after, most),
      }),
    verify: () =>
      asTheyCome<Verification>((tell) =>
        session.transaction('verify', 'snapshot', async (client) => {
          await check(client);
          const tables = [...(await tablesOf(client, place)).keys()].toSorted();
          for (const one of checksOf(place, feed, tables)) tell(await runCheck(client, one));
        }),
      ),
    snapshot: (work) =>
      session.transaction('export', 'snapshot', async (client) => {
        await check(client);
        return await work(await openSnapshot(client, place.url.schema));
      }),
    size: () =>
      session.transaction('read database', 'snapshot', async (client) => {
        const { rows } = await client.query<{ bytes: number }>(
          `SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint AS bytes FROM pg_class c
           JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relkind IN ('r', 'p')`,
          [place.url.schema],
        );
        return { bytes: rows[0]?.bytes ?? 0, walBytes: 0 };
      }),
    close: () => session.close(),
  };
}

/**
 * Whether there are tables of Landfall's.
 * @throws DatabaseFault as `openServerReader` does
 */
export async function serverIsSetUp(db: string): Promise<boolean> {
  const place = serverPlace(db);
  const session = createSession(place, 'landfall reader');
  try {
    return await session.transaction('open database', 'snapshot', (client) => isSetUp(client, place));
  } finally {
    await session.close();
  }
}

/** What `work` tells, while it goes on; ends, or throws, as it does. */
async function* asTheyCome<T>(work: (tell: (found: T) => void) => Promise<void>): AsyncGenerator<T, void> {
  const found: T[] = [];
  let news = Promise.withResolvers<null>();
  const state = { done: false };
  const ended = work((one) => {
    found.push(one);
    news.resolve(null);
  }).finally(() => {
    state.done = true;
    news.resolve(null);
  });
  // It is awaited below; whoever takes no more need not hear of it.
  ended.catch(() => undefined);
  for (;;) {
    await news.promise;
    news = Promise.withResolvers();
    yield* found.splice(0);
    if (state.done) break;
  }
  await ended;
}
