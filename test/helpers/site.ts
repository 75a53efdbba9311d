import { request, type IncomingHttpHeaders, type Server } from 'node:http';
import { onTestFinished } from 'vitest';
import { createCurrentFindings } from '../../src/http/current-findings.ts';
import { createEventStreams, type EventStreams } from '../../src/http/event-streams.ts';
import { CHART_DAYS } from '../../src/http/page/chart.ts';
import { partsToTell } from '../../src/http/page/first-page.ts';
import type { Ask } from '../../src/findings/questions.ts';
import { ask } from '../../src/findings/reader.ts';
import { createRoutes } from '../../src/http/routes.ts';
import { createSiteServer, listen } from '../../src/http/server.ts';
import { createView } from '../../src/http/view.ts';
import type { Feed } from '../../src/model/feed.ts';
import { STARTING, type Work } from '../../src/model/work.ts';

/** What is served of a database, in the test's own process. */
export interface Served {
  readonly server: Server;
  readonly port: number;
  readonly url: string;
  readonly streams: EventStreams;
  /** What the daemon does, as the test has it. */
  work: Work;
  /** Something has happened: the database is asked anew. */
  outdate(): void;
}

export interface ServedOptions {
  readonly db: string;
  readonly feed: Feed;
  readonly landing: string;
  readonly host?: string;
  readonly password?: string | null;
  readonly now?: () => Date;
}

const IDLE: Work = { ...STARTING, doing: 'idle' };

/** Serves a database until the test is over. */
export async function serveSite(
  options: ServedOptions,
  whenOver: (cleanUp: () => void) => void = onTestFinished,
): Promise<Served> {
  const { host = '127.0.0.1', password = null, now = () => new Date('2026-08-10T12:00:00Z'), ...place } = options;
  const heartbeat = () => ({
    ...{ version: '0.0.0', host: 'ward', pid: 1, workerPid: 2, cutShort: false, bootedAt: null },
    ...{ startedAt: now().toISOString(), beat: now().toISOString(), landing: place.landing, work: served.work },
  });
  const look = () => createView(place.db, heartbeat(), findings.get(), now());
  const asking = ((question) => ask({ alertRejected: 0.05, ...place }, question)) as Ask;
  const streams = createEventStreams(() => partsToTell(look()));
  let passed = 0;
  /** What was last said is never too recent. */
  const pass = (): void => {
    passed += 120_000;
  };
  const findings = createCurrentFindings({
    ...{ ask: asking, now, days: CHART_DAYS },
    monotonic: () => passed,
    onChange: streams.tell,
    isWatched: () => streams.size() > 0,
  });
  const refresh = (): Promise<void> => {
    pass();
    return findings.refresh(5_000);
  };
  const routes = createRoutes({ look, refresh, ask: asking, outdate: findings.outdate, streams });
  const server = createSiteServer({ host, password }, routes);
  whenOver(() => {
    findings.close();
    streams.close();
    server.close();
    server.closeAllConnections();
  });
  const problem = await listen(server, { host: host === '::1' ? host : '127.0.0.1', port: 0 });
  if (problem !== null) throw new Error(problem);
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
  const served: Served = {
    ...{ server, port, url: `http://127.0.0.1:${port}`, streams },
    work: IDLE,
    outdate() {
      pass();
      findings.outdate();
    },
  };
  return served;
}

/** HTML without the places where a long name may be broken. */
export function withoutBreaks(text: string): string {
  return text.replaceAll('<wbr />', '');
}

/** An answer, whole. */
export interface Got {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Asks for a path; `fetch` would not let a test name the host. */
export async function get(
  port: number,
  path: string,
  options: { readonly method?: string; readonly headers?: Readonly<Record<string, string>> } = {},
): Promise<Got> {
  const answered = Promise.withResolvers<Got>();
  const asked = request({ host: '127.0.0.1', port, path, method: 'GET', agent: false, ...options }, (response) => {
    let body = '';
    response.setEncoding('utf8').on('data', (text: string) => (body += text));
    response.on('end', () => {
      answered.resolve({ status: response.statusCode ?? 0, headers: response.headers, body });
    });
    response.on('error', answered.reject);
  });
  asked.on('error', answered.reject);
  asked.end();
  return await answered.promise;
}
