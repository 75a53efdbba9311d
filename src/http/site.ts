import type { Server } from 'node:http';
import type { Ask } from '../findings/questions.ts';
import { LandfallError } from '../model/errors.ts';
import type { Events } from '../model/events.ts';
import type { Work } from '../model/work.ts';
import type { Logger } from '../output/log.ts';
import { hostAndPort, type HttpAddress } from '../settings/http-address.ts';
import type { Settings } from '../settings/settings.ts';
import type { FaultBook } from '../status/faults.ts';
import type { Heartbeat } from '../status/heartbeat.ts';
import type { CommandIo } from '../system/io.ts';
import { every, throttle } from '../system/timers.ts';
import { readPassword } from './access.ts';
import { createCurrentFindings } from './current-findings.ts';
import { createEventStreams } from './event-streams.ts';
import { CHART_DAYS } from './page/chart.ts';
import { partsToTell } from './page/first-page.ts';
import { createRoutes } from './routes.ts';
import { createSiteServer, listen } from './server.ts';
import type { Condition } from '../status/condition.ts';
import { exportConditions } from '../status/export-failures.ts';
import { heartbeatPlace } from '../status/heartbeat.ts';
import { createView, type View } from './view.ts';

export interface SiteOptions {
  readonly settings: Pick<Settings, 'db' | 'landing' | 'stateDir' | 'httpPasswordFile'>;
  readonly address: HttpAddress;
  readonly io: Pick<CommandIo, 'now'>;
  /** Asks the reading process. */
  readonly ask: Ask;
  readonly logger: Logger;
  readonly events: Events;
  readonly faults: FaultBook;
  /** What the daemon says of itself, now. */
  readonly heartbeat: () => Heartbeat;
}

/** Open pages are told of changes at most so often, in ms. */
const TELL_GAP_MS = 1_000;
/** So often it is seen to that the database is asked again, and that streams are alive, in ms. */
const TICK_MS = 5_000;
/** Where it cannot be served it is tried again after so long, in ms. */
const TRY_AGAIN_MS = 10_000;

/**
 * Serves the page, the metrics and the rest over HTTP, until released. Where it cannot listen that is a fault, and is tried again: it
 * never keeps a file out.
 */
export function openSite(options: SiteOptions, releases: DisposableStack): void {
  const { settings, io, events, ask } = options;
  const exports = (): readonly Condition[] => exportConditions(heartbeatPlace(settings));
  const look = (): View => createView(settings.db, options.heartbeat(), findings.get(), io.now(), exports());
  const streams = createEventStreams(() => partsToTell(look()));
  releases.defer(streams.close);
  const tell = throttle(releases, TELL_GAP_MS, streams.tell);
  const findings = createCurrentFindings({
    ask,
    now: io.now,
    monotonic: () => performance.now(),
    days: CHART_DAYS,
    onChange: tell,
    isWatched: () => streams.size() > 0,
  });
  releases.defer(findings.close);
  let told: Work | null = null;
  events.on('work', (work) => {
    if (hasNews(told, work)) findings.outdate();
    told = work;
    tell();
  });
  events.on('fault:begin', tell);
  events.on('fault:end', tell);
  every(releases, TICK_MS, () => {
    if (streams.size() === 0) return;
    streams.ping();
    void findings.refresh(0);
    tell();
  });
  // The first who asks is not to wait for the reading process to start.
  void findings.refresh(0);
  serve(options, createRoutes({ look, refresh: findings.refresh, ask, outdate: findings.outdate, streams }), releases);
}

/** Whether the ledger may be another than it was. */
function hasNews(before: Work | null, now: Work): boolean {
  if (before === null) return true;
  const hasTaken = before.taken.files !== now.taken.files;
  return hasTaken || before.faults.length !== now.faults.length || (before.doing !== now.doing && now.doing === 'idle');
}

type Routes = ReturnType<typeof createRoutes>;

/** Listens, again and again while that fails. */
function serve(options: SiteOptions, routes: Routes, releases: DisposableStack): void {
  let server: Server | null = null;
  let timer: NodeJS.Timeout | null = null;
  let released = false;
  releases.defer(() => {
    released = true;
    if (timer !== null) clearTimeout(timer);
    server?.close();
    server?.closeAllConnections();
  });
  const attempt = async (): Promise<void> => {
    const made = makeServer(options, routes);
    const problem = made instanceof LandfallError ? made.message : await listen(made, options.address);
    if (problem === null && !(made instanceof LandfallError)) {
      server = made;
      if (released) made.close();
      options.faults.end('http');
      options.logger.info({ http: `http://${addressOf(made, options.address)}/` }, 'the page is served');
      return;
    }
    if (released) return;
    options.faults.begin({ kind: 'http', file: null, problem: `the page is not served: ${problem ?? ''}` });
    timer = setTimeout(() => void attempt(), TRY_AGAIN_MS);
  };
  void attempt();
}

function makeServer({ settings, address }: SiteOptions, routes: Routes): Server | LandfallError {
  try {
    const file = settings.httpPasswordFile;
    return createSiteServer({ host: address.host, password: file === null ? null : readPassword(file) }, routes);
  } catch (error) {
    if (error instanceof LandfallError) return error;
    throw error;
  }
}

/** With the port that the system has chosen, where any was asked for. */
function addressOf(server: Server, { host, port }: HttpAddress): string {
  const bound = server.address();
  return hostAndPort({ host, port: typeof bound === 'object' && bound !== null ? bound.port : port });
}
