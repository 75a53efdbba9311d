import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** A PostgreSQL server for tests, or why there is none. */
export type ServerStart =
  /** `folder`: holds its socket; the superuser `postgres` needs no password. */
  { readonly kind: 'running'; readonly folder: string } | { readonly kind: 'unavailable'; readonly reason: string };

/** A server that was asked for. Ends with this process, even if that is killed. */
export interface Server extends AsyncDisposable {
  readonly start: ServerStart;
}

/** Starts a PostgreSQL server with an empty cluster in a temporary folder; takes about a second. */
export async function startServer(): Promise<Server> {
  const guardian = spawn(process.execPath, [join(import.meta.dirname, 'postgres-guardian.ts')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(guardian, 'close');
  const told = once(createInterface(guardian.stdout), 'line').then(([line]) => JSON.parse(String(line)) as ServerStart);
  const silent = ended.then((): ServerStart => ({ kind: 'unavailable', reason: 'its guardian said nothing' }));
  const start = await Promise.race([told, silent]);
  return {
    start,
    async [Symbol.asyncDispose]() {
      guardian.stdin.end();
      await ended;
    },
  };
}
