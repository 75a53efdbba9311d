import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import pg from 'pg';
import { expect, test, vi } from 'vitest';
import { isOpenToAll } from './postgres-binaries.ts';
import { startServer } from './postgres-server.ts';
import { type DatabasePlace, describePostgres, freshDatabase } from './postgres.ts';
import { tempFolder } from './temp.ts';

async function ask(place: DatabasePlace, sql: string): Promise<unknown> {
  const client = new pg.Client(place);
  await client.connect();
  try {
    const { rows } = await client.query<{ answer: unknown }>(sql);
    return rows[0]?.answer;
  } finally {
    await client.end();
  }
}

describePostgres('the PostgreSQL server of a run', () => {
  test('gives a database of its own, empty and in UTF-8, that is dropped when it is over', async () => {
    const { place, ...database } = await freshDatabase();
    expect(await ask(place, `SELECT count(*)::int AS answer FROM pg_tables WHERE schemaname = 'public'`)).toBe(0);
    expect(await ask(place, `SELECT current_setting('server_encoding') AS answer`)).toBe('UTF8');
    await database[Symbol.asyncDispose]();
    await expect(ask(place, 'SELECT 1 AS answer')).rejects.toMatchObject({ code: '3D000' });
  });

  test('ends, and leaves nothing behind, when the process that asked for it is killed', async () => {
    const module = JSON.stringify(join(import.meta.dirname, 'postgres-server.ts'));
    const script = `import { startServer } from ${module};
      const { start } = await startServer();
      console.log(start.folder);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [folder] = (await once(createInterface(child.stdout), 'line')) as [string];
    expect(existsSync(join(folder, 'data/PG_VERSION'))).toBe(true);
    child.kill('SIGKILL');
    await expect.poll(() => existsSync(folder), { timeout: 20_000 }).toBe(false);
  });
});

test('where no PostgreSQL server can be started, the reason is told', async () => {
  vi.stubEnv('LANDFALL_TEST_POSTGRES_BIN', '/nowhere');
  try {
    await using server = await startServer();
    expect(server.start).toMatchObject({ kind: 'unavailable', reason: expect.stringContaining('/nowhere') as unknown });
  } finally {
    vi.unstubAllEnvs();
  }
});

test('a folder below a closed one is not open to all', () => {
  const closed = tempFolder();
  chmodSync(closed, 0o700);
  mkdirSync(join(closed, 'within'), { mode: 0o755 });
  expect([isOpenToAll('/usr/bin'), isOpenToAll(join(closed, 'within'))]).toEqual([true, false]);
});
