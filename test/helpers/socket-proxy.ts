import { once } from 'node:events';
import { type Server, type Socket, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { tempFolder } from './temp.ts';

/** The name of a server's socket in its folder (https://www.postgresql.org/docs/current/runtime-config-connection.html). */
const SOCKET = '.s.PGSQL.5432';

/** Stands between clients and a server, and can cut them off. */
export interface SocketProxy {
  /** The folder of its socket, to be named instead of the server's. */
  readonly folder: string;
  /** Cuts all connections now, and takes none any more until `mend`. */
  cut(): void;
  mend(): void;
  /** Cuts a connection when the client has sent this; `delivered`: the server still gets it, and its answer is lost. */
  cutAt(text: string, delivered: boolean): void;
}

/** Starts one for a test, before the server with a socket in `folder`. */
export async function startProxy(folder: string): Promise<SocketProxy> {
  const own = tempFolder();
  const open = new Set<Socket>();
  let mark: { readonly text: string; readonly delivered: boolean } | null = null;
  let away = false;
  const server: Server = createServer((client) => {
    if (away) {
      client.destroy();
      return;
    }
    const upstream = connect(join(folder, SOCKET));
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket
        .on('error', () => undefined)
        .on('close', () => {
          open.delete(socket);
          client.destroy();
          upstream.end();
        });
    }
    upstream.on('data', (bytes) => void client.write(bytes));
    client.on('data', (bytes) => {
      const found = mark !== null && bytes.includes(mark.text);
      if (!found || mark?.delivered === true) upstream.write(bytes);
      if (!found) return;
      mark = null;
      client.destroy();
    });
  });
  server.listen(join(own, SOCKET));
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    for (const socket of open) socket.destroy();
  });
  return {
    folder: own,
    cut() {
      away = true;
      for (const socket of open) socket.destroy();
    },
    mend() {
      away = false;
    },
    cutAt(text, delivered) {
      mark = { text, delivered };
    },
  };
}
