import pg from 'pg';

/** A second connection to the same tables. */
export interface Beside extends AsyncDisposable {
  readonly client: pg.Client;
  /** Ends as soon as the connection waits for a lock, or for a second if it does not. */
  waitsForLock(): Promise<void>;
}

/** Connects once more to the tables that a connection is set to. */
export async function connectBeside(client: pg.Client): Promise<Beside> {
  const { host, user, database } = client;
  const { rows } = await client.query<{ search_path: string }>('SHOW search_path');
  const options = `-c search_path=${rows[0]?.search_path ?? ''}`;
  const beside = new pg.Client({ host, database, ...(user === undefined ? {} : { user }), options });
  const watcher = new pg.Client({ host, database, ...(user === undefined ? {} : { user }) });
  await Promise.all([beside.connect(), watcher.connect()]);
  const pid = (await beside.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows[0]?.pid;
  return {
    client: beside,
    async waitsForLock() {
      const until = performance.now() + 1_000;
      while (performance.now() < until) {
        const { rowCount } = await watcher.query(
          `SELECT 1 FROM pg_stat_activity WHERE pid = $1 AND wait_event_type = 'Lock'`,
          [pid],
        );
        if (rowCount === 1) return;
      }
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([beside.end(), watcher.end()]);
    },
  };
}
