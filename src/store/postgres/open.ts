import { randomUUID } from 'node:crypto';
import { LandfallError } from '../../model/errors.ts';
import type { Decision } from '../../model/ledger.ts';
import type { OpenOptions, Opened, StorePlace } from '../ownership.ts';
import { type Run, enterRun } from './daemons.ts';
import { decide } from './decisions.ts';
import { migrate } from './migrate.ts';
import { requireSoundChecks } from './check-queries.ts';
import { checkSchema } from './schema.ts';
import { type ServerPlace, serverPlace } from './server-place.ts';
import { type Session, createSession } from './session.ts';
import { createStore } from './store.ts';
import { checkSetUp, requireFeed } from './tables.ts';

/** Opens a database on a server for writing. There is no lock: several daemons may serve one feed. See `openStore`. */
export async function openServerStore(options: OpenOptions): Promise<Opened> {
  const { feed, program, probe = () => undefined, holder } = options;
  const place = serverPlace(options.db);
  const files = createSession(place, `landfall ${holder.command}`);
  const notes = createSession(place, `landfall ${holder.command} (ledger)`, true);
  let opened = false;
  try {
    const run = { process: randomUUID(), holder, program, landing: options.landing ?? null };
    const ready = await options.patiently(async () => {
      await setUp(options, place, files, run);
      return true;
    });
    if (ready === null) return { kind: 'stopped' };
    opened = true;
    return { kind: 'opened', store: createStore({ feed, program, files, notes, run, probe }) };
  } finally {
    if (!opened) await Promise.allSettled([files.close(), notes.close()]);
  }
}

async function setUp(options: OpenOptions, place: ServerPlace, session: Session, run: Run): Promise<void> {
  const { feed, probe = () => undefined, before, now } = options;
  await session.transaction('open database', 'snapshot', async (client) => {
    const { rows } = await client.query<{ encoding: string }>(`SELECT current_setting('server_encoding') AS encoding`);
    const encoding = rows[0]?.encoding;
    if (encoding === 'UTF8') return;
    throw new LandfallError('open database', `its encoding is ${String(encoding)}, which does not take every text`, {
      file: place.shown,
      hint: "make one with ENCODING 'UTF8'",
    });
  });
  options.onFound?.();
  options.onLocked?.();
  await migrate(session, options, probe);
  await session.transaction('open database', 'write', async (client) => {
    await checkSchema(client, place, feed);
    await requireSoundChecks(client, feed);
    await requireFeed(client, place, feed);
    await client.query('INSERT INTO feeds (feed) VALUES ($1) ON CONFLICT DO NOTHING', [feed.name]);
    await enterRun(client, run, before, now());
  });
}

/** Leaves a decision in a database on a server. See `recordDecision` of the door. */
export async function recordServerDecision(options: StorePlace, decision: Decision, now: Date): Promise<void> {
  const place = serverPlace(options.db);
  const session = createSession(place, 'landfall accept');
  try {
    await session.transaction('decide', 'write', async (client) => {
      await checkSetUp(client, place, options.feed);
      await decide(client, decision, now);
    });
  } finally {
    await session.close();
  }
}
