import { createServer } from 'node:net';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { readPassword } from '../../src/http/access.ts';
import { createSiteServer, listen, plain } from '../../src/http/server.ts';
import { readSettings } from '../../src/settings/read-settings.ts';
import { openDesk, ROOT } from '../helpers/ingest.ts';
import { procedure } from '../helpers/rows.ts';
import { get, serveSite, withoutBreaks, type Served, type ServedOptions } from '../helpers/site.ts';
import { tempFolder } from '../helpers/temp.ts';

async function openServed(options: Partial<ServedOptions> = {}): Promise<Served> {
  const desk = openDesk();
  const { database, feed, landing } = desk;
  await desk.deliver('Procedure', '20260809_060000', [procedure('P1')]);
  return await serveSite({ db: database.file, feed, landing, ...options });
}

const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` });

describe('what is served', () => {
  test('has a type, and headers that keep it from being framed, guessed at, kept or scripted', async () => {
    const { port } = await openServed();
    const types = {
      '/': 'text/html; charset=utf-8',
      '/files': 'text/html; charset=utf-8',
      '/files/1': 'text/html; charset=utf-8',
      '/page.css': 'text/css; charset=utf-8',
      '/page.js': 'text/javascript; charset=utf-8',
      '/metrics': 'text/plain; version=0.0.4; charset=utf-8',
      '/status.json': 'application/json',
      '/health': 'text/plain; charset=utf-8',
      '/ready': 'text/plain; charset=utf-8',
    };
    for (const [path, type] of Object.entries(types)) {
      const { status, headers, body } = await get(port, path);
      expect([path, status, headers['content-type']]).toEqual([path, 200, type]);
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'cache-control': 'no-store',
        'referrer-policy': 'no-referrer',
      });
      const policy = headers['content-security-policy'] ?? '';
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toContain('unsafe');
      if (type.startsWith('text/html')) expect(body).not.toMatch(/<script>|<script [^>]*>[^<]| on\w+=|style=/);
    }
  });

  test('is nothing else: other paths are not found, whatever they hold', async () => {
    const { port } = await openServed();
    for (const path of [
      '/nothing',
      '/files/99',
      '/files/x',
      '/page/page.css',
      '/../package.json',
      '//evil/',
      '/%00',
      '/files/1e3',
    ])
      expect([path, (await get(port, path)).status]).toEqual([path, 404]);
    expect((await get(port, '/<script>')).body).not.toContain('<script>');
  });

  test('is read only: GET and HEAD, nothing else', async () => {
    const { port } = await openServed();
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
      const { status, headers } = await get(port, '/', { method });
      expect([method, status, headers.allow]).toEqual([method, 405, 'GET, HEAD']);
    }
    const head = await get(port, '/', { method: 'HEAD' });
    expect([head.status, head.body]).toEqual([200, '']);
    expect(Number(head.headers['content-length'])).toBeGreaterThan(1000);
    expect((await get(port, '/events', { method: 'HEAD' })).headers['content-type']).toContain('text/event-stream');
  });

  test('P7: a request with more headers than it may have is refused, and others are answered', async () => {
    const { port } = await openServed();
    const refused = await get(port, '/', { headers: { 'x-long': 'x'.repeat(20_000) } });
    expect(refused.status).toBe(431);
    expect((await get(port, '/health')).body).toBe('alive\n');
  });

  test('is ready as long as nothing keeps files out', async () => {
    const served = await openServed();
    const { work } = served;
    expect((await get(served.port, '/ready')).body).toBe('ready\n');
    const since = '2026-08-10T11:00:00.000Z';
    for (const [kind, status] of [
      ['file', 200],
      ['http', 200],
      ['landing', 503],
      ['database', 503],
      ['worker', 503],
    ] as const) {
      served.work = { ...work, faults: [{ kind, file: null, problem: 'it is so', since }] };
      expect([kind, (await get(served.port, '/ready')).status]).toEqual([kind, status]);
      expect((await get(served.port, '/health')).status).toBe(200);
    }
    served.work = { ...work, doing: 'starting' };
    expect((await get(served.port, '/ready')).status).toBe(503);
  });
});

describe('who may ask', () => {
  test('a page of another site cannot have its own name lead here', async () => {
    const { port } = await openServed();
    const asked = async (host: string) => (await get(port, '/', { headers: { host } })).status;
    for (const own of ['localhost', `127.0.0.1:${port}`, '[::1]:80', 'LOCALHOST:1', '127.1.2.3'])
      expect([own, await asked(own)]).toEqual([own, 200]);
    for (const other of [
      'evil.example',
      'localhost.evil.example',
      '127.0.0.1.evil.example',
      '10.0.0.1:80',
      '[evil]',
      'a@localhost',
    ])
      expect([other, await asked(other)]).toEqual([other, 421]);
  });

  test('where there is a password, all but health and readiness needs it', async () => {
    const { port } = await openServed({ password: 'correct horse' });
    const asked = async (path: string, headers = {}) => (await get(port, path, { headers })).status;
    const paths = ['/', '/files', '/files/1', '/metrics', '/status.json', '/events', '/page.css', '/nothing'];
    for (const path of paths) {
      const { status, headers } = await get(port, path);
      expect([path, status]).toEqual([path, 401]);
      expect(headers['www-authenticate']).toMatch(/^Basic realm=/);
    }
    for (const wrong of ['x:correct hors', 'x:', ':', 'correct horse', 'x:correct horse ', 'x:Correct horse'])
      expect([wrong, await asked('/', basic(wrong))]).toEqual([wrong, 401]);
    expect(await asked('/', { authorization: 'Bearer correct horse' })).toBe(401);
    expect(await asked('/', basic('anyone:correct horse'))).toBe(200);
    expect(await asked('/', basic(':correct horse'))).toBe(200);
    expect([await asked('/health'), await asked('/ready')]).toEqual([200, 200]);
  });

  test('the password is the first line of its file, and long enough', () => {
    const file = join(tempFolder(), 'password');
    for (const [text, password] of [
      ['long enough\n', 'long enough'],
      ['long enough\r\nnot this', 'long enough'],
      ['kö n:ig, so', 'kö n:ig, so'],
    ] as const) {
      writeFileSync(file, text);
      expect(readPassword(file)).toBe(password);
    }
    for (const text of ['', '\n', 'short\n', '\nlong enough']) {
      writeFileSync(file, text);
      expect(() => readPassword(file)).toThrow('shorter than 8 characters');
    }
    chmodSync(file, 0o600);
    expect(() => readPassword(join(file, 'x'))).toThrow(
      `${join(file, 'x')} cannot be read: ENOTDIR`.replace(' cannot', ': cannot'),
    );
  });

  test('it is off by default, and open to other machines only with a password', () => {
    const read = (flags: Record<string, string>) => readSettings({ flags, env: {}, cwd: ROOT, root: ROOT });
    expect(read({})).toMatchObject({ http: null, httpPasswordFile: null });
    expect(read({ http: '127.0.0.1:8080' }).http).toEqual({ host: '127.0.0.1', port: 8080 });
    expect(read({ http: '[::1]:0' }).http).toEqual({ host: '::1', port: 0 });
    expect(read({ http: 'localhost:80' }).http).toEqual({ host: 'localhost', port: 80 });
    for (const open of ['0.0.0.0:8080', '[::]:8080', '10.1.2.3:80', 'landfall.example:80', '127.evil.example:80']) {
      expect(() => read({ http: open })).toThrow('--http: is reached from other machines, so it needs a password');
      expect(read({ http: open, http_password_file: 'x' }).httpPasswordFile).toBe(join(ROOT, 'x'));
    }
    for (const wrong of [
      '8080',
      ':8080',
      '127.0.0.1',
      '127.0.0.1:',
      'a:70000',
      'a:b',
      '::1:80',
      '[127.0.0.1]:80',
      'http://a:80',
      'a b:80',
    ])
      expect(() => read({ http: wrong }), wrong).toThrow('must be HOST:PORT such as 127.0.0.1:8080');
  });
});

describe('where it cannot listen', () => {
  test('is told in one sentence, with what to do', async () => {
    const server = createSiteServer({ host: '127.0.0.1', password: null }, () => plain(200, 'x'));
    const taken = createServer();
    onTestFinished(() => {
      server.close();
      taken.close();
    });
    await new Promise<void>((done) => void taken.listen(0, '127.0.0.1', done));
    const bound = taken.address();
    const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
    const why = (host: string, at: number) => listen(server, { host, port: at });
    expect(await why('127.0.0.1', port)).toBe(
      `another program has 127.0.0.1:${port}: name another port with --http, or end that program`,
    );
    expect(await why('203.0.113.1', 80)).toContain('203.0.113.1:80 is no address of this machine');
    expect(await why('127.0.0.1', 0)).toBeNull();
  });
});

describe('event streams', () => {
  /** Reads the events of a stream as they come. */
  async function listenTo({ url }: Served): Promise<{ readonly parts: Record<string, string>[] }> {
    const stop = new AbortController();
    onTestFinished(() => {
      stop.abort();
    });
    const response = await fetch(`${url}/events`, { signal: stop.signal });
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    const parts: Record<string, string>[] = [];
    const read = async (body: ReadableStream<Uint8Array>): Promise<void> => {
      let text = '';
      for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
        const whole = (text + chunk).split('\n\n');
        text = whole.pop() ?? '';
        for (const message of whole) {
          const data = /^data: (.*)$/m.exec(message)?.[1];
          if (data !== undefined) parts.push(JSON.parse(data) as Record<string, string>);
        }
      }
    };
    if (response.body !== null) read(response.body).catch(() => undefined);
    return { parts };
  }

  test('tell all of the page first, and then what has changed', async () => {
    const desk = openDesk();
    const { database, feed, landing } = desk;
    const served = await serveSite({ db: database.file, feed, landing });
    await get(served.port, '/');
    const { parts } = await listenTo(served);
    await vi.waitFor(
      () => {
        expect(parts).toHaveLength(1);
      },
      { timeout: 30_000, interval: 20 },
    );
    expect(Object.keys(parts[0] ?? {})).toContain('ledger');
    await desk.deliver('Procedure', '20260809_060000', [procedure('P1')]);
    served.outdate();
    await vi.waitFor(
      () => {
        expect(Object.keys(parts[1] ?? {}).sort()).toEqual(['chart', 'ledger', 'now', 'tables', 'week']);
      },
      { timeout: 30_000, interval: 20 },
    );
    expect(withoutBreaks(parts[1]?.['ledger'] ?? '')).toContain('Procedure_[20260809_060000]');
    served.streams.tell();
    expect(parts).toHaveLength(2);
  });

  test('P7: are so many and no more, and one that has gone makes room', async () => {
    const served = await openServed();
    const open: AbortController[] = [];
    // A response that nobody holds is ended by the collector.
    const held: Response[] = [];
    onTestFinished(() => {
      for (const stream of open) stream.abort();
    });
    const add = async (): Promise<number> => {
      const stop = new AbortController();
      open.push(stop);
      const response = await fetch(`${served.url}/events`, { signal: stop.signal });
      held.push(response);
      return response.status;
    };
    const statuses = await Promise.all(Array.from({ length: 250 }, add));
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(await add()).toBe(503);
    open[0]?.abort();
    await vi.waitFor(
      () => {
        expect(served.streams.size()).toBe(249);
      },
      { timeout: 30_000, interval: 20 },
    );
    expect(await add()).toBe(200);
    expect(held).toHaveLength(252);
  });
});
