/** For tests on a real PostgreSQL server. Whoever imports this has it started; it stops with the run. */
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import pg from 'pg';
import { describe, inject } from 'vitest';
import type { ServerStart } from './postgres-server.ts';

const start = JSON.parse(await text(connect(inject('postgresDesk'), '127.0.0.1'))) as ServerStart;

if (start.kind === 'unavailable' && process.env['CI'] !== undefined)
  throw new Error(`CI has to run the tests on PostgreSQL, but no server could be started: ${start.reason}`);

/** As `describe`, for tests that need the server: skipped in plain sight where none could be started, but not in CI. */
export const describePostgres = start.kind === 'running' ? describe : describe.skip;

/** Where a database is, as `pg` takes it. */
export interface DatabasePlace {
  readonly host: string;
  readonly user: string;
  readonly database: string;
}

/** An empty database; disposing of it drops it. */
export interface TestDatabase extends AsyncDisposable {
  readonly place: DatabasePlace;
}

/**
 * Makes an empty database.
 * @param locale an ICU locale, e.g. `en-US`, that orders its texts as people do; left out, they are ordered bytewise
 */
export async function freshDatabase(locale?: string): Promise<TestDatabase> {
  const place = { ...serverPlace(), database: `test_${randomBytes(6).toString('hex')}` };
  const order = locale === undefined ? '' : `LOCALE_PROVIDER icu ICU_LOCALE '${locale}' TEMPLATE template0`;
  await administer(`CREATE DATABASE ${place.database} ${order}`);
  return {
    place,
    async [Symbol.asyncDispose]() {
      await administer(`DROP DATABASE ${place.database} WITH (FORCE)`);
    },
  };
}

/** The database that every server has; tests leave it as it is. */
function serverPlace(): DatabasePlace {
  if (start.kind === 'unavailable') throw new Error(start.reason);
  return { host: start.folder, user: 'postgres', database: 'postgres' };
}

async function administer(sql: string): Promise<void> {
  const client = new pg.Client(serverPlace());
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
