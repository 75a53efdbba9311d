import { appendFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Moment } from '../../src/model/ledger.ts';
import { feedFileName, feedFileText } from '../helpers/feed-files.ts';
import { type Desk, listed, openDesk } from '../helpers/ingest.ts';
import { counts, procedure, visit } from '../helpers/rows.ts';

/** From 4 MiB on a file is parsed in a thread of its own: all promises hold there as well. */
const NAME = feedFileName('Procedure', '20260801_060000');
const ROWS = 20_000;
const rows = (from: number, description: string) =>
  Array.from({ length: ROWS }, (_, at) => procedure(`P${from + at}`, description.repeat(30)));
const LARGE = feedFileText('Procedure', rows(0, 'eight by'));

function watchedDesk(): { desk: Desk; readonly at: (moment: Moment, act: () => void) => void } {
  let waitFor: Moment | null = null;
  let act = (): void => undefined;
  const desk = openDesk({
    probe: (moment) => {
      if (moment !== waitFor) return;
      waitFor = null;
      act();
    },
  });
  return {
    desk,
    at: (moment, what) => {
      waitFor = moment;
      act = what;
    },
  };
}

const goesIn = async (desk: Desk, read = ROWS) => {
  expect(counts(await desk.ingest(listed(desk.feed, desk.landing, NAME)))).toEqual({ read, inserted: read });
  expect(desk.column('SELECT attempts FROM files')).toEqual([1]);
};

describe('a large file, parsed beside the merging', () => {
  test('is more than 4 MiB, and is rows in the end', async () => {
    expect(LARGE.length).toBeGreaterThan(4 * 1024 * 1024);
    const desk = openDesk();
    desk.write(NAME, LARGE);
    await goesIn(desk);
    expect(desk.column('SELECT bytes = bytes_header + bytes_rows AND bytes > 0 FROM files')).toEqual([1]);
  });

  test.each<[string, (path: string) => void, number]>([
    [
      'grows',
      (path) => {
        appendFileSync(path, 'more|C1||||\n');
      },
      ROWS + 1,
    ],
    [
      'is cut short',
      (path) => {
        truncateSync(path, LARGE.lastIndexOf('\n', LARGE.length - 2) + 1);
      },
      ROWS - 1,
    ],
    [
      'is replaced',
      (path) => {
        writeFileSync(`${path}.part`, LARGE);
        renameSync(`${path}.part`, path);
      },
      ROWS,
    ],
  ])('P1: it %s while it is read: rolled back, and whole the next time', async (_, change, read) => {
    const { desk, at } = watchedDesk();
    const file = desk.write(NAME, LARGE);
    at('reading', () => {
      change(file.path);
    });
    expect(await desk.ingest(file)).toMatchObject({ kind: 'changed' });
    expect(desk.column('SELECT count(*) FROM procedures')).toEqual([0]);
    expect(desk.column('SELECT failures FROM attempts')).toEqual([0]);
    await goesIn(desk, read);
  });

  test('P2: told to stop in the middle, or failing there, it leaves nothing, and the next file is parsed as if it had not been', async () => {
    const { desk, at } = watchedDesk();
    const file = desk.write(NAME, LARGE);
    const stop = new AbortController();
    at('reading', () => {
      stop.abort();
    });
    expect(await desk.ingest(file, { stop: stop.signal })).toEqual({ kind: 'given_up' });
    at('reading', () => {
      throw new TypeError('nobody expected this');
    });
    await expect(desk.ingest(file)).rejects.toThrow(TypeError);
    expect(desk.column('SELECT count(*) FROM procedures')).toEqual([0]);
    expect(await desk.deliver('Procedure', '20260802_060000', rows(ROWS, 'others b'))).toMatchObject({
      kind: 'ingested',
      counts: { inserted: ROWS },
    });
    expect(await desk.ingest(file)).toMatchObject({ kind: 'ingested', late: true, counts: { inserted: ROWS } });
  });

  test('P6: what is refused is refused as in a small file, with its raw text and place', async () => {
    const desk = openDesk();
    const text = `${LARGE}short\nP1|C1||again||not a date\nP2|C1||again||\n`;
    const outcome = await desk.ingest(desk.write(NAME, text));
    expect(counts(outcome)).toEqual({ read: ROWS + 3, inserted: ROWS, updated: 1, rejected: 2 });
    expect(desk.rows('SELECT line, byte_offset, raw FROM rejects ORDER BY line')).toEqual([
      { line: ROWS + 2, byte_offset: LARGE.length, raw: 'short' },
      { line: ROWS + 3, byte_offset: LARGE.length + 6, raw: 'P1|C1||again||not a date' },
    ]);
  });

  test('P6: a file refused by the thread is quarantined with the thread’s reason', async () => {
    const desk = openDesk();
    expect(await desk.ingest(desk.write(NAME, `${LARGE}TRAILER|7\n`))).toMatchObject({
      kind: 'quarantined',
      code: 'trailer_count',
    });
    expect(desk.column('SELECT count(*) FROM procedures')).toEqual([0]);
    const headless = LARGE.slice(LARGE.indexOf('\n') + 1);
    expect(await desk.ingest(desk.write(NAME, headless))).toMatchObject({ kind: 'quarantined', code: 'no_header' });
  });

  test('P5: what waits heals', async () => {
    const desk = openDesk();
    await desk.deliver('Visit', '20260801_060000', [
      visit('V1', 'P1'),
      visit('V2', `P${ROWS - 1}`),
      visit('V3', 'none'),
    ]);
    expect(await desk.ingest(desk.write(NAME, LARGE))).toMatchObject({ kind: 'ingested', healed: 2 });
  });

  test('P3: one key in every row: as if they were applied singly, in bounded time', async () => {
    const desk = openDesk();
    const same = Array.from({ length: 5_000 }, (_, at) => procedure('P1', `${at % 2}`.repeat(900)));
    expect(counts(await desk.deliver('Procedure', '20260801_060000', same))).toEqual({
      read: 5_000,
      inserted: 1,
      updated: 4_999,
    });
    expect(desk.column('SELECT source_line FROM procedures')).toEqual([5_001]);
  });
});
