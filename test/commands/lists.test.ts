import { parse } from 'csv-parse/sync';
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { check } from '../../src/commands/check.ts';
import { files } from '../../src/commands/files.ts';
import { preview } from '../../src/commands/preview.ts';
import { rejects } from '../../src/commands/rejects.ts';
import { status } from '../../src/commands/status.ts';
import type { CommandIo } from '../../src/system/io.ts';
import { readSettings } from '../../src/settings/read-settings.ts';
import { mountDisk } from '../helpers/disk.ts';
import { feedFileName } from '../helpers/feed-files.ts';
import { openDesk, ROOT, type Desk } from '../helpers/ingest.ts';
import { slowIo } from '../helpers/slow-io.ts';

const LAUNCHER = join(ROOT, 'bin/landfall.cjs');
const FILES = 1000;
const ROWS = 8000;

/** A database with many files, each with some rejects. */
function openCrowdedDesk(rawBytes = 40): Desk {
  const desk = openDesk();
  desk.db.exec(`
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${FILES})
    INSERT INTO files (feed, feed_hash, program, dataset, name, revision, stamp, bytes, mtime_ns, ctime_ns, inode, state,
      started_at, finished_at)
    SELECT 'visitpay', '', '', 'Visit', 'file ' || i, 1, '2026-08-01T06:00:00Z', 1, 1, 1, 1, 'ingested',
      '2026-08-01T06:00:00.000Z', '2026-08-01T06:00:00.000Z' FROM n;
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${ROWS})
    INSERT INTO rejects (file_id, dataset, line, byte_offset, row_key, code, reason, raw, state)
    SELECT 1 + i % ${FILES}, 'Visit', 1 + i / ${FILES}, i, 'V' || i, 'bad_date', 'not a date',
      substr(hex(zeroblob(${rawBytes})), 1, ${rawBytes}), 'rejected' FROM n`);
  return desk;
}

const NO_FILTER = { state: [], code: [], file: null, since: null, limit: 0 };
const settingsOf = (desk: Desk) => readSettings({ flags: { db: desk.database.file }, env: {}, cwd: ROOT, root: ROOT });

const showRejects = (desk: Desk, io: CommandIo, how: object) =>
  rejects({ json: false, csv: false, raw: false, ...NO_FILTER, settings: settingsOf(desk), ...how }, io);
const showFiles = (desk: Desk, io: CommandIo, how: object) =>
  files({ json: false, ...NO_FILTER, settings: settingsOf(desk), ...how }, io);

/** A file of as many rows, every other one of them refused. */
function badFile(desk: Desk): string {
  const header = 'ProcedureID|ProcedureCode|CodeSystem|Description|StandardCharge|EffectiveDate\n';
  const lines = Array.from({ length: ROWS }, (_, at) => `P${at}|C|||${at % 2 === 0 ? 'dear' : '1.00'}|\n`);
  return desk.write(feedFileName('Procedure', '20260801_060000'), header + lines.join('')).path;
}

const checkFile = (desk: Desk, io: CommandIo, json: boolean) =>
  check({ json, raw: false, settings: settingsOf(desk), files: [badFile(desk)] }, io);
const previewFile = (desk: Desk, io: CommandIo, format: string) =>
  preview({ settings: settingsOf(desk), files: [badFile(desk)], flags: { format, all: true } }, io);

describe('a list is written as fast as it is read, and no more of it is held', () => {
  test.each<[string, (desk: Desk, io: CommandIo) => Promise<number>, boolean?]>([
    ['rejects', (desk, io) => showRejects(desk, io, {})],
    ['rejects on a terminal', (desk, io) => showRejects(desk, io, { limit: 2500 }), true],
    ['rejects --json', (desk, io) => showRejects(desk, io, { json: true })],
    ['rejects --csv --raw', (desk, io) => showRejects(desk, io, { csv: true, raw: true })],
    ['files', (desk, io) => showFiles(desk, io, {})],
    ['files --json', (desk, io) => showFiles(desk, io, { json: true })],
    ['check --json', (desk, io) => checkFile(desk, io, true)],
    ['preview --all', (desk, io) => previewFile(desk, io, 'table')],
    ['preview --all --format csv', (desk, io) => previewFile(desk, io, 'csv')],
    ['preview --all --format ndjson', (desk, io) => previewFile(desk, io, 'ndjson')],
  ])('%s', async (_, show, terminal = false) => {
    const io = slowIo({ terminal });
    const done = show(openCrowdedDesk(), io);
    io.flow();
    await done;
    expect(io.most()).toBeLessThan(io.written.out.length / 3);
    expect(io.most()).toBeLessThan(100_000);
  });

  test('every row is there, once and in order, in each format', async () => {
    const desk = openCrowdedDesk();
    const show = async (how: object) => {
      const io = slowIo();
      io.flow();
      expect(await showRejects(desk, io, how)).toBe(0);
      return io.written.out;
    };
    const expected = desk.rows('SELECT reject_id, line FROM rejects ORDER BY file_id DESC, line, reject_id');
    const rows = z.array(z.object({ reject_id: z.coerce.number(), line: z.coerce.number() }));
    const json = await show({ json: true });
    expect(rows.parse(JSON.parse(json))).toEqual(expected);
    expect(json.split('\n')).toHaveLength(ROWS + 3);
    expect(rows.parse(parse(await show({ csv: true }), { columns: true }))).toEqual(expected);
    expect((await show({})).split('\n')).toHaveLength(ROWS + 2);
    expect(rows.parse(JSON.parse(await show({ json: true, limit: 70 })))).toEqual(expected.slice(0, 70));
  });

  test('check tells the first ten refused rows of a file, how many more there are, and what shows them all', async () => {
    const io = slowIo();
    io.flow();
    await checkFile(openDesk(), io, false);
    const lines = io.written.out.split('\n').filter((line) => line.startsWith('  reject'));
    expect(lines).toHaveLength(11);
    expect(lines[10]).toBe(`  reject  … and ${ROWS / 2 - 10} more (--json lists them all)`);
  });

  test('the status shows the newest files of each list, and says how many there are; --json shows all', async () => {
    const desk = openCrowdedDesk();
    desk.db
      .exec(`UPDATE files SET state = 'quarantined', reason_code = 'no_header', reason = 'no header' WHERE file_id > 21;
      UPDATE files SET revision = 0 WHERE file_id % 2 = 0; UPDATE files SET late = 1 WHERE file_id <= 21`);
    const show = async (json: boolean) => {
      const io = slowIo();
      const done = status({ json, check: false, settings: settingsOf(desk) }, io);
      io.flow();
      expect(await done).toBe(0);
      return { text: io.written.out, most: io.most() };
    };
    const { text } = await show(false);
    expect(text.length).toBeLessThan(10_000);
    expect(text).toContain('\nQuarantined (the newest 20 of 489; --json shows all)\n');
    expect(text).toContain('\nNot taken (the newest 20 of 500; --json shows all)\n');
    expect(text).toContain('\nLate (the newest 20 of 21; --json shows all)\n');
    const json = await show(true);
    const lists = { quarantined: { length: 489 }, not_taken: { length: 500 }, late: { length: 21 }, corrected: [] };
    expect(JSON.parse(json.text)).toMatchObject({ database: lists });
    expect(json.most).toBeLessThan(json.text.length / 3);
  });

  test('on a terminal a very long list is several tables, each with its header', async () => {
    const io = slowIo({ terminal: true });
    io.flow();
    await showRejects(openCrowdedDesk(), io, { limit: 501 });
    expect(io.written.out.match(/reason/g)).toHaveLength(2);
  });

  test('check --json is a list of files, whose rows are a line each', async () => {
    const io = slowIo();
    io.flow();
    expect(await checkFile(openDesk(), io, true)).toBe(3);
    const lines = io.written.out.split('\n');
    expect(lines[2]).toMatch(/^ {4}\{"line":2,"code":"bad_money","column":"standard_charge_cents",.*\},$/);
    expect(JSON.parse(io.written.out)).toMatchObject([
      { outcome: { kind: 'ingested' }, updates: [], rejected: { length: ROWS / 2 }, waiting: [], heals: [] },
    ]);
  });
});

describe('a reader that stands still', () => {
  test('does not keep the write-ahead log from being emptied; what it reads then is how things stand by then', async () => {
    const desk = openCrowdedDesk();
    const io = slowIo();
    const done = showRejects(desk, io, { json: true });
    await vi.waitFor(
      () => {
        expect(io.most()).toBeGreaterThan(0);
      },
      { timeout: 30_000, interval: 20 },
    );
    const { db } = desk;
    db.exec(`UPDATE files SET state = 'replaced' WHERE file_id <= 10;
      INSERT INTO files (feed, feed_hash, program, dataset, name, revision, bytes, mtime_ns, ctime_ns, inode, state, started_at,
        finished_at) VALUES ('visitpay', '', '', 'Visit', 'new', 1, 1, 1, 1, 1, 'ingested', '', '');
      INSERT INTO rejects (file_id, dataset, line, byte_offset, code, reason, state)
        SELECT max(file_id), 'Visit', 2, 1, 'bad_date', 'not a date', 'rejected' FROM files`);
    expect(db.pragma('wal_checkpoint(TRUNCATE)', { simple: true })).toBe(0);
    io.flow();
    await done;
    const ids = z.array(z.object({ reject_id: z.number() })).parse(JSON.parse(io.written.out));
    const expected = desk.column(
      `SELECT reject_id FROM rejects WHERE file_id > 10 AND file_id <= ${FILES} ORDER BY file_id DESC, line, reject_id`,
    );
    expect(ids.map(({ reject_id }) => reject_id)).toEqual(expected);
  });

  test.skipIf(!existsSync('/proc/self/status'))('takes no memory, however much the rows hold', async () => {
    const desk = openCrowdedDesk(8_000);
    const args = [LAUNCHER, 'rejects', '--csv', '--raw', '--db', desk.database.file];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = new Promise((resolve) => child.once('close', resolve));
    let bytes = 0;
    let peakMib = 0;
    for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      await sleep(0);
      const status = readFileSync(`/proc/${child.pid ?? 'self'}/status`, 'utf8');
      peakMib = Math.max(peakMib, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
    }
    expect(await ended).toBe(0);
    expect(bytes).toBeGreaterThan(ROWS * 8_000);
    expect(peakMib).toBeLessThan(160);
  });
});

describe('an output on a full disk is an error, not a shorter list', () => {
  const run = (args: readonly string[], output: string) => {
    const stdout = openSync(output, 'w');
    const { status, stderr } = spawnSync(process.execPath, [LAUNCHER, ...args], {
      stdio: ['ignore', stdout, 'pipe'],
      encoding: 'utf8',
    });
    closeSync(stdout);
    return { status, stderr };
  };

  test.skipIf(!existsSync('/dev/full'))('of each command that lists', () => {
    const desk = openCrowdedDesk();
    const file = badFile(desk);
    for (const args of [['status'], ['rejects', '--limit', '0'], ['check', '--json', file]]) {
      const { status, stderr } = run([...args, '--db', desk.database.file], '/dev/full');
      expect([args[0], status, stderr]).toEqual([
        args[0],
        1,
        'landfall: standard output could not be written (ENOSPC)\n',
      ]);
    }
    const { status, stderr } = run(['preview', file], '/dev/full');
    expect([status, stderr]).toEqual([
      1,
      expect.stringContaining('landfall: standard output could not be written (ENOSPC)\n'),
    ]);
  });

  test('also where the disk takes the first half of it', ({ onTestFinished, skip }) => {
    const desk = openCrowdedDesk();
    const disk = join(desk.folder, 'disk');
    if (!mountDisk(disk, 'size=4k', onTestFinished)) skip('no file system can be mounted here');
    // More than there is room for, less than two blocks.
    const { status, stderr } = run(
      ['rejects', '--db', desk.database.file, '--limit', '150'],
      join(disk, 'rejects.txt'),
    );
    expect([status, stderr]).toEqual([
      1,
      expect.stringContaining('landfall: standard output could not be written (ENOSPC)\n'),
    ]);
  });
});
