import { describe, expect, test } from 'vitest';
import { check } from '../../src/commands/check.ts';
import { files } from '../../src/commands/files.ts';
import { rejects } from '../../src/commands/rejects.ts';
import { status } from '../../src/commands/status.ts';
import { createEvents, emitOutcome } from '../../src/model/events.ts';
import { logFiles } from '../../src/output/event-log.ts';
import { loadFeed } from '../../src/feed/load.ts';
import { createLog } from '../../src/output/log.ts';
import { readSettings } from '../../src/settings/read-settings.ts';
import { LEAK } from '../helpers/billing.ts';
import { captureIo } from '../helpers/command-io.ts';
import {
  COLUMNS,
  DATASET_NAMES,
  feedFileName,
  feedFileText,
  type DatasetName,
  type Row,
} from '../helpers/feed-files.ts';
import { type Desk, FEED_FILE, openDesk, ROOT } from '../helpers/ingest.ts';
import { openParts } from '../helpers/leak.ts';
import {
  headerAndFields,
  markedKey,
  markedNumber,
  markedRows,
  MUTATIONS,
  quotedFileText,
  spoilAtRandom,
  TRAILER_WORDS,
} from '../helpers/mutations.ts';

const ROWS = 12;

/** A desk whose feed takes every share of bad rows: no file is refused for those, so that all else has to hold by itself. */
function tolerantDesk(): Desk {
  return openDesk({ feed: { ...loadFeed(FEED_FILE), maxBadRows: 1 } });
}

interface Delivery {
  readonly dataset: DatasetName;
  readonly rows: readonly Row[];
  readonly text: string;
}

/**
 * Checks and ingests contents, and shows what there is to be shown of them. Expects that no value is told (P8), and of those that go
 * in that every row is in its table or kept (P3, P6).
 * @returns for each content the code of its quarantine, or `ingested`
 */
async function deliver(desk: Desk, deliveries: readonly Delivery[]): Promise<string[]> {
  const io = captureIo();
  const settings = readSettings({ flags: { db: desk.database.file }, env: {}, cwd: ROOT, root: ROOT });
  const listed = deliveries.map(({ dataset, text }, at) =>
    desk.write(feedFileName(dataset, `202608${String(1 + at).padStart(2, '0')}_060000`), text),
  );
  const named = { settings, files: listed.map((file) => file.path), raw: false };
  const now = () => new Date('2026-09-01T00:00:00Z');
  for (const json of [true, false]) await check({ ...named, json }, { ...io, now });

  const events = createEvents();
  logFiles(events, createLog({ logLevel: 'trace', logFormat: 'json' }, io.stdout, 1), desk.feed);
  const codes: string[] = [];
  for (const [at, file] of listed.entries()) {
    const outcome = await desk.ingest(file);
    emitOutcome(events, file.name, outcome);
    codes.push(outcome.kind === 'quarantined' ? outcome.code : outcome.kind);
    const delivery = deliveries[at];
    // Not the text itself: a test's output holds no value from a row either.
    expect(LEAK.exec(JSON.stringify(outcome))?.index ?? null, `content ${at}: where a value is told`).toBeNull();
    if (outcome.kind === 'ingested' && delivery !== undefined)
      expect(lostRows(desk, delivery), `content ${at}: rows lost`).toEqual([]);
  }

  const filter = { settings, state: [], code: [], file: null, since: null, limit: 0 };
  for (const json of [true, false]) {
    await files({ ...filter, json }, io);
    await status({ settings, json, check: false }, io);
    await rejects({ ...filter, json, csv: !json, raw: false }, io);
  }
  const told = `${io.written.out}${io.written.err}`.replaceAll(desk.folder, '');
  expect(told.length).toBeGreaterThan(1000);
  expect(LEAK.exec(told)?.index ?? null, 'where a value is shown').toBeNull();
  expect(LEAK.exec(openParts(desk))?.index ?? null, 'where a value is in the open').toBeNull();
  return codes;
}

/** Which rows are neither in their table nor kept with their raw text. */
function lostRows(desk: Desk, { dataset, rows }: Delivery): number[] {
  const { table = '', key } = desk.feed.datasets.find((one) => one.name === dataset) ?? {};
  const known = new Set(desk.column(`SELECT ${key?.name ?? ''} FROM ${table}`));
  const kept = desk.column("SELECT CAST(raw AS TEXT) FROM rejects WHERE state IN ('rejected', 'waiting')").join('\n');
  const keys = rows.map((row) => row[COLUMNS[dataset][0]] ?? '');
  return keys.flatMap((one, at) => (known.has(one) || kept.includes(one) ? [] : [at]));
}

/** Contents of every dataset: many rows and one, with and without quotes, with keys that are words and keys that are numbers. */
function contents(spoil: (text: string) => string): Delivery[] {
  let written = 0;
  return DATASET_NAMES.flatMap((dataset) =>
    [ROWS, 1].flatMap((count) =>
      [feedFileText, quotedFileText].map((write) => {
        const from = written * ROWS;
        const keyOf = [markedKey, markedKey, markedNumber][written++ % 3] ?? markedKey;
        const rows = markedRows(dataset, count, (at) => keyOf(from + at));
        return { dataset, rows, text: spoil(write(dataset, rows)) };
      }),
    ),
  );
}

describe('P3 P6 P8: line ends, delimiters and quotes that were lost or changed', () => {
  test.each(Object.entries(MUTATIONS))(
    '%s: no value is told, and no row of a file that goes in is lost',
    async (_, spoil) => {
      await deliver(tolerantDesk(), contents(spoil));
    },
  );

  test('only the header is left, and the beginning of a row: its fields are told by their places', async () => {
    const desk = tolerantDesk();
    const text = headerAndFields(feedFileText('Procedure', markedRows('Procedure', 1)), 2);
    expect(await deliver(desk, [{ dataset: 'Procedure', rows: [], text }])).toEqual(['ingested']);
    expect(desk.column('SELECT extra FROM files')).toEqual(['["cell 7","cell 8"]']);
  });

  test('any of them here and there', async () => {
    const codes = new Set<string>();
    for (let seed = 1; seed <= 24;) {
      for (const code of await deliver(
        tolerantDesk(),
        contents((text) => spoilAtRandom(text, seed++)),
      ))
        codes.add(code);
    }
    expect(codes.size).toBeGreaterThan(2);
  });

  test('a row broken before a word of trailers and a number: the number is not told', async () => {
    const numbers = [markedNumber(1), `${markedNumber(1)}.11`, `${markedNumber(1)}|${markedNumber(2)}`];
    const ends = TRAILER_WORDS.flatMap((word) => numbers.map((number) => `${word}${number}\n`));
    const rows = markedRows('Procedure', ROWS);
    const text = feedFileText('Procedure', rows);
    const codes = await deliver(
      tolerantDesk(),
      ends.map((end) => ({ dataset: 'Procedure', rows, text: `${text}${end}` })),
    );
    expect(codes).toContain('trailer_count');
  });

  test('every second line end is a delimiter: half of the rows would be unknown columns, so the file is refused', async () => {
    const spoil = MUTATIONS['every second line end is a delimiter'] ?? String;
    const codes = await deliver(openDesk(), contents(spoil));
    expect(new Set(codes)).toEqual(new Set(['joined_header']));
  });
});
