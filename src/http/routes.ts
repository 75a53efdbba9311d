import { readFileSync } from 'node:fs';
import { LandfallError } from '../model/errors.ts';
import { printableJson } from '../output/terminal.ts';
import { reportForJson } from '../status/report.ts';
import type { EventStreams } from './event-streams.ts';
import { METRICS_TYPE, renderMetrics } from './metrics.ts';
import { filePage } from './page/file.ts';
import { firstPage } from './page/first-page.ts';
import { ledgerPage, STATES } from './page/ledger.ts';
import { noticePage } from './page/notice.ts';
import type { Ask } from '../findings/questions.ts';
import { plain, type Answer, type Reply } from './server.ts';
import type { View } from './view.ts';

/** What requests are answered from. */
export interface Site {
  /** How things stand, as it is known. */
  readonly look: () => View;
  /** Has the database asked anew where that is due, and waits for it, but at most so many ms. */
  readonly refresh: (withinMs: number) => Promise<void>;
  readonly ask: Ask;
  /** What is known of the database is no longer how it stands. */
  readonly outdate: () => void;
  readonly streams: EventStreams;
}

/** Who asks for the page waits at most so long for the database, in ms: then it is shown as it was last read. */
const PAGE_WAIT_MS = 400;
/** A program that asks may wait longer, in ms. */
const DATA_WAIT_MS = 3_000;
/** What everybody is shown is made at most so often, in ms: a thousand who look at once must not hold up the supervisor. */
const MAKE_GAP_MS = 100;
/** Questions about the ledger that wait for an answer at a time. */
const MOST_ASKING = 16;
/** Event streams at a time. */
const MOST_STREAMS = 250;

const HTML = 'text/html; charset=utf-8';

/** The answers of a site, by path. */
export function createRoutes(site: Site): Answer {
  const asset = (name: string, type: string): (() => Reply) => {
    const body = readFileSync(new URL(`page/${name}`, import.meta.url), 'utf8');
    return () => whole(type, body);
  };
  const routes: Readonly<Record<string, Answer>> = {
    '/': shared(async () => {
      await site.refresh(PAGE_WAIT_MS);
      return whole(HTML, firstPage(site.look()));
    }),
    '/page.css': asset('page.css', 'text/css; charset=utf-8'),
    '/page.js': asset('page.js', 'text/javascript; charset=utf-8'),
    '/health': () => plain(200, 'alive'),
    '/ready': () => (site.look().isReady ? plain(200, 'ready') : plain(503, 'not ready')),
    '/metrics': shared(async () => {
      await site.refresh(DATA_WAIT_MS);
      return whole(METRICS_TYPE, await renderMetrics(site.look()));
    }),
    '/status.json': shared(async () => {
      await site.refresh(DATA_WAIT_MS);
      return whole('application/json', statusJson(site.look()));
    }),
    '/events': () => openStream(site),
    '/files': (url) => inTurn(() => files(site, url)),
  };
  let asking = 0;
  async function inTurn(answer: () => Promise<Reply>): Promise<Reply> {
    if (asking >= MOST_ASKING) return notice(site, 503, 'Too many ask for the ledger at once: try again.');
    asking += 1;
    try {
      return await answer();
    } finally {
      asking -= 1;
    }
  }
  return (url) => {
    const route = routes[url.pathname];
    if (route !== undefined) return route(url);
    const [, id] = /^\/files\/(\d{1,15})$/.exec(url.pathname) ?? [];
    return id === undefined ? notice(site, 404, 'There is no such page.') : inTurn(() => file(site, Number(id), url));
  };
}

/** An answer that is the same for all who ask within a moment. */
function shared(make: () => Promise<Reply>): () => Promise<Reply> {
  let made: { readonly at: number; readonly reply: Promise<Reply> } | null = null;
  return () => {
    const at = performance.now();
    if (made === null || at - made.at >= MAKE_GAP_MS) made = { at, reply: make() };
    return made.reply;
  };
}

function whole(type: string, body: string, status = 200): Reply {
  return { kind: 'whole', status, type, body };
}

function notice(site: Site, status: number, text: string): Reply {
  const { report } = site.look();
  return whole(HTML, noticePage(text, report.version), status);
}

/** As `status --json` prints it, with the newest files of each list. */
function statusJson({ report, findings }: View): string {
  const status = report.database.status;
  const inLanding = new Set(findings?.inLanding);
  const lists =
    status === null
      ? {}
      : {
          quarantined: status.quarantined.newest.map((note) => ({ ...note, in_landing: inLanding.has(note.name) })),
          ...Object.fromEntries(
            (['not_taken', 'late', 'corrected', 'warned'] as const).map((name) => [name, status[name].newest]),
          ),
        };
  return `${printableJson(JSON.stringify(reportForJson(report, lists)))}\n`;
}

function openStream({ streams }: Site): Reply {
  if (streams.size() >= MOST_STREAMS) return plain(503, `${MOST_STREAMS} event streams are open already`);
  return {
    kind: 'stream',
    type: 'text/event-stream; charset=utf-8',
    onOpen: (response) => {
      streams.add(response);
    },
  };
}

async function files(site: Site, { searchParams }: URL): Promise<Reply> {
  const name = (searchParams.get('name') ?? '').slice(0, 200);
  const before = /^\d{1,15}$/.exec(searchParams.get('before') ?? '')?.[0];
  const search = {
    before: before === undefined ? null : Number(before),
    state: STATES.find((state) => state === searchParams.get('state')) ?? null,
    name: name === '' ? null : name,
  };
  return await asked(site, async (version, now) => {
    const page = await site.ask({ kind: 'files', ...search });
    return whole(HTML, ledgerPage(page, search, version, now));
  });
}

async function file(site: Site, fileId: number, { searchParams }: URL): Promise<Reply> {
  const [, line, reject] = /^(\d{1,15})\.(\d{1,15})$/.exec(searchParams.get('after') ?? '') ?? [];
  const after = line === undefined ? null : { line: Number(line), reject_id: Number(reject) };
  return await asked(site, async (version, now) => {
    const page = await site.ask({ kind: 'file', fileId, after });
    return page === null
      ? notice(site, 404, 'There is no such file in the ledger.')
      : whole(HTML, filePage(page, version, now));
  });
}

/** A page that only the database can tell. */
async function asked(site: Site, make: (version: string, now: Date) => Promise<Reply>): Promise<Reply> {
  const { report, now } = site.look();
  try {
    return await make(report.version, now);
  } catch (error) {
    if (!(error instanceof LandfallError)) throw error;
    site.outdate();
    return notice(site, 503, `The database cannot be read: ${error.message}`);
  }
}
