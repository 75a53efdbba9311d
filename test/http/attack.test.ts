import { Agent, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { createEventStreams } from '../../src/http/event-streams.ts';
import { createRoutes } from '../../src/http/routes.ts';
import { createSiteServer, listen, plain, type Answer } from '../../src/http/server.ts';
import { openDesk } from '../helpers/ingest.ts';
import { get, serveSite } from '../helpers/site.ts';

// What somebody does who means harm, or whose program has run wild.

/** A server that says "ok", or what it is given to answer with. */
async function serve(answer: Answer = () => plain(200, 'ok'), password: string | null = null): Promise<number> {
  const server = createSiteServer({ host: '127.0.0.1', password }, answer);
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  expect(await listen(server, { host: '127.0.0.1', port: 0 })).toBeNull();
  const bound = server.address();
  return typeof bound === 'object' && bound !== null ? bound.port : 0;
}

interface Raw {
  readonly socket: Socket;
  /** What came back so far. */
  readonly got: () => string;
  readonly isClosed: () => boolean;
}

/** Opens a connection and sends bytes as they are. */
function send(port: number, text: string): Raw {
  const socket = connect(port, '127.0.0.1');
  let got = '';
  let closed = false;
  socket.on('error', () => undefined);
  socket.on('data', (data) => (got += data.toString('latin1')));
  socket.on('close', () => (closed = true));
  onTestFinished(() => void socket.destroy());
  if (text !== '') socket.write(text);
  return { socket, got: () => got, isClosed: () => closed };
}

/** The status line of the answer to bytes as they are; empty: it was cut off without one. */
async function statusOf(port: number, text: string): Promise<string> {
  const raw = send(port, text);
  await vi.waitFor(() => {
    expect(raw.isClosed() || raw.got().includes('\r\n')).toBe(true);
  }, 10_000);
  return /^HTTP\/1\.1 (\d+)/.exec(raw.got())?.[1] ?? '';
}

const asked = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${more}\r\n`;

describe('an attacker', () => {
  test('P7: who asks on without waiting for the answer is cut off; one after the other is answered on one connection', async () => {
    let answered = 0;
    const port = await serve(async () => {
      answered += 1;
      await new Promise(setImmediate);
      return plain(200, 'ok');
    });
    const raw = send(port, asked('/').repeat(5_000));
    await vi.waitFor(() => {
      expect(raw.isClosed()).toBe(true);
    }, 10_000);
    expect(answered).toBeLessThanOrEqual(1);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    onTestFinished(() => {
      agent.destroy();
    });
    const ports = new Set<number | undefined>();
    for (let at = 0; at < 50; at += 1)
      await new Promise<void>((resolve, reject) => {
        const one = request({ port, path: '/', agent }, (response) => {
          ports.add(response.socket.localPort);
          response.resume().on('end', resolve);
        });
        one.on('error', reject).end();
      });
    expect(ports.size).toBe(1);
  });

  test('P7: who opens connections and says nothing takes up some, which are closed after a while, and those that are open are served', async () => {
    const port = await serve();
    const open = Array.from({ length: 700 }, () => send(port, ''));
    await vi.waitFor(() => {
      expect(open.filter((one) => one.isClosed()).length).toBeGreaterThanOrEqual(700 - 512);
    }, 10_000);
    const living = open.find((one) => !one.isClosed());
    living?.socket.write(asked('/'));
    await vi.waitFor(() => {
      expect(living?.got()).toContain('200 OK');
    }, 10_000);
    for (const { socket } of open) socket.destroy();
    await vi.waitFor(async () => {
      expect((await get(port, '/')).body).toBe('ok\n');
    }, 10_000);
  });

  test('P7: who sends a header byte by byte, or a body without end, is cut off after ten seconds', async () => {
    const port = await serve();
    const slow = send(port, 'GET / HTTP/1.1\r\nHost: localhost\r\n');
    const endless = send(port, asked('/', 'Content-Length: 1000000000\r\n'));
    const drip = setInterval(() => {
      slow.socket.write('x');
      endless.socket.write('x'.repeat(1_000));
    }, 200);
    const begun = performance.now();
    await vi.waitFor(
      () => {
        expect([slow.isClosed(), endless.isClosed()]).toEqual([true, true]);
      },
      { timeout: 30_000 },
    );
    clearInterval(drip);
    expect(performance.now() - begun).toBeLessThan(25_000);
    expect(slow.got()).toContain('408');
  });

  test('is told nothing by a request that is none, and the server goes on', async () => {
    const port = await serve();
    for (const [status, text] of [
      ['400', 'GET http://localhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n'],
      ['400', 'GET * HTTP/1.1\r\nHost: localhost\r\n\r\n'],
      ['', 'CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n'],
      ['', asked('/', 'Connection: Upgrade\r\nUpgrade: websocket\r\n')],
      ['400', 'GET / HTTP/1.1\r\n\r\n'],
      ['421', 'GET / HTTP/1.0\r\n\r\n'],
      ['421', 'GET / HTTP/1.1\r\nHost: evil.example\r\nHost: localhost\r\n\r\n'],
      ['405', 'TRACE / HTTP/1.1\r\nHost: localhost\r\n\r\n'],
      ['400', 'NONSENSE / HTTP/1.1\r\nHost: localhost\r\n\r\n'],
      ['400', asked('/', 'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n')],
      ['400', asked('/', ' folded: x\r\n')],
      ['400', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS hello'],
    ] as const)
      expect([text, await statusOf(port, text)]).toEqual([text, status]);
    expect((await get(port, '/')).body).toBe('ok\n');
  });

  test('P7: many headers and long addresses are refused, and shorter ones are answered', async () => {
    const { database, feed, landing } = openDesk();
    const { port } = await serveSite({ db: database.file, feed, landing });
    expect(await statusOf(port, asked('/', 'a: b\r\n'.repeat(2_000)))).toBe('431');
    expect(await statusOf(port, asked('/', 'a: b\r\n'.repeat(500)))).toBe('200');
    expect(await statusOf(port, asked(`/files?name=${'x'.repeat(9_000)}`))).toBe('431');
    const { status, body } = await get(port, `/files?name=${'%22%3E'.repeat(1_000)}&before=${'9'.repeat(900)}`);
    expect(status).toBe(200);
    expect(body).not.toContain('">">');
    expect(body.match(/&quot;&gt;/g)).toHaveLength(100);
  });

  test('finds no way round the password by another spelling of a path', async () => {
    const port = await serve(() => plain(200, 'secret'), 'correct horse');
    for (const path of [
      '/health/../metrics',
      '/health/..%2fmetrics',
      '/health/%2e%2e/metrics',
      '/health/',
      '/health;x',
      '/HEALTH',
      '//health',
      '/ready%00',
      '/metrics#/health',
      '/metrics?/health',
      '\\health',
    ])
      expect([path, await statusOf(port, asked(path))]).not.toEqual([path, '200']);
    expect(await statusOf(port, asked('/health'))).toBe('200');
  });

  test('P7: however many ask at once, what all see is made ten times a second, and few wait for the ledger', async () => {
    let looks = 0;
    const site = {
      look: () => {
        looks += 1;
        throw new Error('it is not shown here');
      },
      refresh: () => Promise.resolve(),
      ask: () => new Promise<never>(() => undefined),
      outdate: () => undefined,
      streams: createEventStreams(() => ({})),
    };
    const routes = createRoutes(site);
    const url = (path: string): URL => new URL(`http://landfall${path}`);
    for (const path of ['/', '/metrics', '/status.json'])
      await Promise.allSettled(Array.from({ length: 100 }, async () => await routes(url(path))));
    expect(looks).toBeLessThanOrEqual(12);
    const report = { version: '0.0.0' };
    const asking = createRoutes({ ...site, look: () => ({ report, now: new Date() }) } as never);
    const replies = Array.from({ length: 100 }, async () => await asking(url('/files')));
    const refused = await Promise.all(replies.slice(16));
    expect(new Set(refused.map((reply) => (reply.kind === 'whole' ? reply.status : 0)))).toEqual(new Set([503]));
  });
});
