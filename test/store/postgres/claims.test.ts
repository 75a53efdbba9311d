import { expect, onTestFinished, test } from 'vitest';
import { createClaims } from '../../../src/store/postgres/claims.ts';
import { lockFeed } from '../../../src/store/postgres/ledger-entry.ts';
import { serverPlace } from '../../../src/store/postgres/server-place.ts';
import { createSession } from '../../../src/store/postgres/session.ts';
import { describePostgres } from '../../helpers/postgres.ts';
import { serverSuite } from '../../helpers/postgres-store.ts';

describePostgres('PostgreSQL: claims', () => {
  const open = serverSuite();

  test('the server waits an hour for a file that is read, which holds up nobody, and ten minutes for one that is merged', async () => {
    const { place } = await open();
    const session = createSession(serverPlace(place.db), 'test');
    onTestFinished(() => session.close());
    const claims = createClaims(session);
    const claim = await claims.claim('a.txt');
    const limit = () =>
      claims.held('a.txt')?.attempt('test', async (client) => {
        const { rows } = await client.query<Record<string, string>>('SHOW idle_in_transaction_session_timeout');
        return Object.values(rows[0] ?? {})[0];
      });
    expect(await limit()).toBe('1h');
    await claims.held('a.txt')?.attempt('test', (client) => lockFeed(client, place.feed));
    expect(await limit()).toBe('10min');
    await claim?.release();
  });
});
