import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import type { TestProject } from 'vitest/node';
import { type Server, startServer } from './postgres-server.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The port of this machine at which the run's PostgreSQL server is asked for: see postgres.ts. */
    readonly postgresDesk: number;
  }
}

/**
 * Vitest's global set-up: one PostgreSQL server for all test files of a run, started when the first of them asks for it, so that runs
 * without need for it do not pay. Whoever connects to the desk is told, as JSON, what became of the start.
 */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  let server: Promise<Server> | null = null;
  const desk = createServer((socket) => {
    socket.on('error', () => undefined);
    void (server ??= startServer()).then(({ start }) => socket.end(JSON.stringify(start)));
  });
  desk.listen(0, '127.0.0.1');
  await once(desk, 'listening');
  project.provide('postgresDesk', (desk.address() as AddressInfo).port);
  return async () => {
    desk.close();
    const started = await server;
    if (started?.start.kind === 'unavailable')
      process.stderr.write(`\nThe tests on PostgreSQL were NOT RUN: ${started.start.reason}\n\n`);
    await started?.[Symbol.asyncDispose]();
  };
}
