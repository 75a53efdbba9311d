import { parse } from 'csv-parse/sync';
import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { files } from '../../src/commands/files.ts';
import { rejects, type RejectsOptions } from '../../src/commands/rejects.ts';
import { status } from '../../src/commands/status.ts';
import { STARTING, type Work } from '../../src/model/work.ts';
import { heartbeatPlace, writeHeartbeat, type Heartbeat } from '../../src/status/heartbeat.ts';
import { readSettings } from '../../src/settings/read-settings.ts';
import { bootTime } from '../../src/system/boot-clock.ts';
import { PROCESS_TABLE } from '../../src/system/process-table.ts';
import type { Settings } from '../../src/settings/settings.ts';
import { noteUnread } from '../../src/store/sqlite/ledger.ts';
import { tryLock } from '../../src/store/sqlite/lock.ts';
import { lockPath } from '../../src/store/sqlite/recognise.ts';
import { readStatus } from '../../src/store/sqlite/status-query.ts';
import { createBilling, LEAK } from '../helpers/billing.ts';
import { captureIo } from '../helpers/command-io.ts';
import { mountSelf } from '../helpers/disk.ts';
import { listed as listedFile, openDesk, ROOT, type Desk } from '../helpers/ingest.ts';
import { tempFolder } from '../helpers/temp.ts';

const listSchema = z.array(z.record(z.string(), z.unknown()));
const databaseSchema = z.object({ database: z.record(z.string(), z.unknown()) });

const NOW = new Date('2026-08-10T12:00:00Z');
const NO_FILTER = { state: [], code: [], file: null, since: null, limit: null };

function settingsOf(db: string): Settings {
  return readSettings({ flags: { db }, env: {}, cwd: ROOT, root: ROOT });
}

/** A database with one of everything: a correction, a late file, rejects, a waiting row, a quarantined file, a near miss. */
async function openEventfulDesk(): Promise<Desk> {
  const desk = openDesk();
  const billing = createBilling(1);
  const procedure = billing.procedure();
  const visit = billing.visit(procedure);
  await desk.deliver('Procedure', '20260802_060000', [
    procedure,
    billing.procedure(),
    { ...billing.procedure(), StandardCharge: 'ZQX' },
    'ZQX|short',
  ]);
  await desk.deliver('Procedure', '20260801_060000', [procedure]);
  await desk.deliver('Visit', '20260802_060000', [visit, billing.visit(billing.procedure())]);
  await desk.deliver('Visit', '20260802_060000', [visit, billing.visit(billing.procedure(), { Status: '|"' })]);
  await desk.deliver('Transaction', '20260802_060000', ['ZQX|1907-01-01|no header'], { columns: ['ZQX'] });
  const stat = { bytes: 1, mtimeNs: 0n, ctimeNs: 0n, inode: 1n };
  const name = 'HospitalABC_VisitPay_Vis\u001b[2Jit.txt';
  noteUnread(
    desk.database,
    [{ name, state: 'unrecognised', code: 'bad_dataset', reason: 'no dataset', dataset: null, stamp: null, stat }],
    NOW,
  );
  return desk;
}

async function runRejects(desk: Desk, options: Partial<RejectsOptions> = {}, terminal = false): Promise<string> {
  const io = captureIo({ terminal });
  const given = {
    json: false,
    csv: false,
    raw: false,
    ...NO_FILTER,
    settings: settingsOf(desk.database.file),
    ...options,
  };
  expect(await rejects(given, io)).toBe(0);
  return io.written.out;
}

function listed(text: string): Record<string, unknown>[] {
  return listSchema.parse(JSON.parse(text));
}

async function runFiles(desk: Desk, options: object = {}, terminal = false, columns = 120): Promise<string> {
  const captured = captureIo({ terminal });
  const io = { ...captured, stdout: { ...captured.stdout, columns, colour: false } };
  expect(await files({ json: false, ...NO_FILTER, settings: settingsOf(desk.database.file), ...options }, io)).toBe(0);
  return io.written.out;
}

describe('files', () => {
  test('shows each revision of each name, in a pipe a line each', async () => {
    const text = await runFiles(await openEventfulDesk());
    const lines = text.trimEnd().split('\n');
    expect(lines.map((line) => line.split('\t').slice(1, 4).join(' '))).toEqual([
      'state name rev',
      'unrecognised HospitalABC_VisitPay_Vis\\x1b[2Jit.txt 0',
      'quarantined HospitalABC_VisitPay_Transaction_[20260802_060000].txt 1',
      'ingested HospitalABC_VisitPay_Visit_[20260802_060000].txt 2',
      'replaced HospitalABC_VisitPay_Visit_[20260802_060000].txt 1',
      'ingested HospitalABC_VisitPay_Procedure_[20260801_060000].txt 1',
      'ingested HospitalABC_VisitPay_Procedure_[20260802_060000].txt 1',
    ]);
    expect(lines[5]).toMatch(/\tlate$/);
    expect(text).not.toMatch(LEAK);
  });

  test('a file that was read again on request is retried, neither late nor corrected; a replaced one counts as neither', async () => {
    const desk = openDesk();
    const billing = createBilling(1);
    await desk.deliver('Procedure', '20260803_060000', [billing.procedure()]);
    await desk.deliver('Procedure', '20260802_060000', [billing.procedure()]);
    const counts = (): Record<string, number> => {
      const { late, corrected, datasets } = readStatus(desk.db, desk.feed, 9);
      return { late: late.files, corrected: corrected.files, files_late: datasets[0]?.files_late ?? NaN };
    };
    expect(counts()).toEqual({ late: 1, corrected: 0, files_late: 1 });
    const name = 'HospitalABC_VisitPay_Procedure_[20260802_060000].txt';
    expect(await desk.ingest(listedFile(desk.feed, desk.landing, name), { afresh: true })).toMatchObject({
      revision: 2,
      retried: true,
    });
    expect(counts()).toEqual({ late: 0, corrected: 0, files_late: 0 });
    const [again, before] = listed(await runFiles(desk, { json: true }));
    expect(again).toMatchObject({ name, revision: 2, retried: true, late: false });
    expect(before).toMatchObject({ name, revision: 1, state: 'replaced', retried: false, late: true });
    expect(await runFiles(desk, { file: '20260802', state: ['ingested'] })).toMatch(/\tretried\n$/);
    await desk.deliver('Procedure', '20260802_060000', [billing.procedure()]);
    expect(counts()).toEqual({ late: 1, corrected: 1, files_late: 1 });
  });

  test('narrows by state, code, name and time, and says when there is more', async () => {
    const desk = await openEventfulDesk();
    const count = async (options: object): Promise<number> =>
      listed(await runFiles(desk, { json: true, ...options })).length;
    expect(await count({})).toBe(6);
    expect(await count({ state: ['replaced', 'quarantined'] })).toBe(2);
    expect(await count({ code: ['bad_dataset'] })).toBe(1);
    expect(await count({ file: 'Procedure_' })).toBe(2);
    expect(await count({ since: '2026-08-11' })).toBe(0);
    expect(await count({ since: '1d' })).toBe(6);
    expect(await count({ since: '10min' })).toBe(await count({ since: '10m' }));
    expect(await count({ limit: 1 })).toBe(1);
    const io = captureIo();
    await files({ json: false, ...NO_FILTER, limit: 2, settings: settingsOf(desk.database.file) }, io);
    expect(io.written.out.trimEnd().split('\n')).toHaveLength(3);
    expect(io.written.err).toContain('--limit 0 shows all');
    await expect(
      files({ json: true, ...NO_FILTER, state: ['lost'], settings: settingsOf(desk.database.file) }, io),
    ).rejects.toThrow('--state does not take "lost" (it takes ingested,');
    await expect(
      files({ json: true, ...NO_FILTER, since: 'monday', settings: settingsOf(desk.database.file) }, io),
    ).rejects.toThrow('is not a valid time; expected for example 12h or 2026-08-01');
  });

  test('on a terminal an empty list is a sentence, in a pipe the header alone', async () => {
    const desk = await openEventfulDesk();
    expect(await runFiles(desk, { file: 'nowhere' }, true)).toBe('No file matches.\n');
    expect(await runFiles(desk, { file: 'nowhere' })).toMatch(/^id\tstate\t.*\n$/);
    expect(await runRejects(desk, { file: 'nowhere' }, true)).toBe('No row matches.\n');
    expect(await runRejects(openDesk(), {}, true)).toBe('No row is rejected or waiting.\n');
    expect(await runRejects(openDesk())).toMatch(/^state\t.*\n$/);
  });

  test('80 columns have room for state, rows and rejected rows of the longest names, which stay whole in a line', async () => {
    const desk = await openEventfulDesk();
    const text = await runFiles(desk, { state: ['ingested', 'quarantined'] }, true, 80);
    const ingested = await runFiles(desk, { state: ['ingested'] }, true, 80);
    expect(ingested).toMatch(/^state {5}name {50,}read {2}rej {2}wait\n/);
    const [name, header, , ...lines] = text.trimEnd().split('\n');
    expect([name, header?.split(/ +/).slice(1)]).toEqual([
      'name',
      [...['id', 'state', 'rev', 'read', 'ins', 'upd', 'same', 'stale', 'rej', 'wait', 'finished'], '(UTC)'],
    ]);
    const names = desk.column(
      `SELECT name FROM files WHERE state IN ('ingested', 'quarantined') ORDER BY file_id DESC`,
    );
    expect(lines.filter((line) => line.startsWith('Hospital'))).toEqual(names);
    for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });

  test('JSON has the columns of the ledger, unfolded', async () => {
    const [newest, , , , , oldest] = listed(await runFiles(await openEventfulDesk(), { json: true }));
    expect(newest).toMatchObject({ revision: 0, state: 'unrecognised', reason_code: 'bad_dataset', late: false });
    expect(oldest).toMatchObject({
      rows_read: 4,
      rows_inserted: 2,
      rows_rejected: 2,
      reject_counts: { bad_money: 1, field_count: 1 },
      dialect: { delimiter: '|' },
    });
  });
});

describe('rejects', () => {
  test('P8: values and keys are shown only with --raw', async () => {
    const desk = await openEventfulDesk();
    for (const options of [{}, { json: true }, { csv: true }, { state: ['all'] }]) {
      for (const terminal of [false, true]) expect(await runRejects(desk, options, terminal)).not.toMatch(LEAK);
    }
    for (const options of [{ raw: true }, { json: true, raw: true }, { csv: true, raw: true }]) {
      expect(await runRejects(desk, options)).toMatch(LEAK);
    }
  });

  test('shows what is open unless asked for another state', async () => {
    const desk = await openEventfulDesk();
    const list = async (...state: string[]): Promise<string[]> =>
      listed(await runRejects(desk, { json: true, state })).map(
        (one) => `${String(one['state'])} ${String(one['code'])}`,
      );
    expect(await list()).toEqual([
      'waiting missing_parent',
      'waiting missing_parent',
      'rejected bad_money',
      'rejected field_count',
    ]);
    expect(await list('healed')).toEqual([]);
    await desk.deliver('Procedure', '20260802_060000', [createBilling(1).procedure()]);
    expect(await list()).toEqual(['waiting missing_parent', 'waiting missing_parent']);
    expect(await list('all')).toHaveLength(4);
  });

  test('CSV is RFC 4180, also with delimiters, quotes and line breaks in the rows', async () => {
    const desk = await openEventfulDesk();
    const text = await runRejects(desk, { csv: true, raw: true });
    expect(text).toMatch(/^reject_id,file,.*,raw,raw_base64\r\n/);
    const rows = parse<Record<string, string>>(text, { columns: true, record_delimiter: '\r\n' });
    const raws = desk.column("SELECT raw FROM rejects WHERE state <> 'healed' ORDER BY file_id DESC, line");
    expect(rows.map((row) => row['raw'])).toEqual(raws);
    expect(rows.some((row) => row['raw']?.includes('"|"""'))).toBe(true);
  });

  test('says what a row waits for, without its key', async () => {
    const [row] = listed(await runRejects(await openEventfulDesk(), { json: true, state: ['waiting'] }));
    expect(row).toMatchObject({ waits_for: 'procedures', line: 3, code: 'missing_parent' });
    expect(row?.['reason']).toMatch(/the row it refers to is not there yet$/);
    const [, ...lines] = (await runRejects(await openEventfulDesk(), { state: ['waiting'] })).trimEnd().split('\n');
    expect(lines).toHaveLength(2);
    for (const line of lines) expect(line).toMatch(/its parent in procedures is not loaded yet$/);
  });

  test('a row cannot move the cursor', async () => {
    const desk = openDesk();
    await desk.deliver('Procedure', '20260802_060000', ['P1|C1||\u001b[2J||', 'P2|C1||||', 'P3|C1||||']);
    const text = await runRejects(desk, { raw: true }, true);
    expect(text).toContain('\\x1b[2J');
    expect(text).not.toContain('\u001b[2J');
  });

  test('a row in CSV or JSON cannot either; in a pipe CSV keeps every character', async () => {
    const desk = openDesk();
    const row = 'P1|C1||\u001b[2J\u009b2J\u202e\u007f||';
    await desk.deliver('Procedure', '20260802_060000', [row, 'P2|C1||||', 'P3|C1||||']);
    for (const how of [{ csv: true }, { json: true }]) {
      expect(await runRejects(desk, { raw: true, ...how }, true)).not.toMatch(/(?!\r\n|\n)[\p{Cc}\u202e]/u);
    }
    expect(await runRejects(desk, { raw: true, csv: true })).toContain(row);
    const [reject] = listed(await runRejects(desk, { raw: true, json: true }));
    expect(reject).toMatchObject({ raw: row });
  });
});

describe('status', () => {
  /** A daemon that holds the lock of a database, and says that it lives. */
  function pretend(db: string, said: Heartbeat): void {
    const lock = tryLock(db, { pid: said.pid, host: said.host, command: 'run', since: said.startedAt });
    onTestFinished(() => lock?.release());
    writeHeartbeat(db, said);
  }

  const alive: Heartbeat = {
    version: '0.0.0',
    host: 'here',
    pid: 41,
    workerPid: 42,
    startedAt: '2026-08-10T06:00:00.000Z',
    beat: '2026-08-10T11:59:58.000Z',
    landing: '/landing',
    cutShort: false,
    work: { ...STARTING, doing: 'idle' },
  };

  /** A daemon that was killed three seconds ago: it has let go of the lock, and its last beat says that it is well. */
  function pretendKilled(db: string): void {
    tryLock(db, { pid: alive.pid, host: alive.host, command: 'run', since: alive.startedAt })?.release();
    writeHeartbeat(db, { ...alive, beat: '2026-08-10T11:59:57.000Z' });
  }

  async function run(
    db: string,
    options: { json?: boolean; check?: boolean; terminal?: boolean; settings?: Partial<Settings> } = {},
  ): Promise<{ code: number; text: string }> {
    const io = captureIo({ now: NOW, terminal: options.terminal ?? false });
    const code = await status(
      {
        settings: { ...settingsOf(db), ...options.settings },
        json: options.json ?? false,
        check: options.check ?? false,
      },
      io,
    );
    return { code, text: io.written.out };
  }

  test.runIf(bootTime() !== null)(
    'a clock that was set takes no living daemon for dead, nor a hung one for alive',
    async () => {
      const { file: db } = openDesk().database;
      const now = bootTime() ?? { boot: '', ms: 0 };
      pretend(db, alive);
      for (const beat of ['2026-08-07T12:00:00.000Z', '2026-08-13T12:00:00.000Z']) {
        const said = { ...alive, beat };
        writeHeartbeat(db, { ...said, sinceBoot: now });
        expect(await run(db, { check: true })).toMatchObject({ code: 0 });
        for (const sinceBoot of [undefined, { ...now, ms: now.ms - 16_000 }, { ...now, boot: 'another' }]) {
          writeHeartbeat(db, { ...said, sinceBoot });
          expect(await run(db, { check: true })).toMatchObject({ code: 1 });
        }
      }
    },
  );

  test('says which quarantined files are still in the landing folder, and files where one was archived', async () => {
    const desk = await openEventfulDesk();
    desk.db.exec(`UPDATE files SET archived_to = '/archive/x' WHERE dataset = 'Procedure'`);
    expect(await runFiles(desk)).toContain('archived: /archive/x');
    const name = 'HospitalABC_VisitPay_Transaction_[20260802_060000].txt';
    for (const inLanding of [true, false]) {
      if (!inLanding) rmSync(join(desk.landing, name));
      const there = { landing: desk.landing };
      const { database } = databaseSchema.parse(
        JSON.parse((await run(desk.database.file, { json: true, settings: there })).text),
      );
      expect(database['quarantined']).toMatchObject([{ name, in_landing: inLanding }]);
      const { text } = await run(desk.database.file, { settings: there });
      expect(text.includes('(not in the landing folder)')).toBe(!inLanding);
    }
  });

  test('tells sizes and times as people read them', async () => {
    const desk = await openEventfulDesk();
    desk.db.pragma('wal_checkpoint(TRUNCATE)');
    const lines = async (now: Date): Promise<string[]> => {
      const io = captureIo({ now });
      await status({ settings: settingsOf(desk.database.file), json: false, check: false }, io);
      return io.written.out.split('\n').slice(1, 3);
    };
    const finished = desk.db.prepare('SELECT max(finished_at) FROM files').pluck().get() as string;
    const at = (ms: number): Date => new Date(Date.parse(finished) + ms);
    expect((await lines(at(1000)))[0]).toMatch(/^Database {2}\S+, \d+ KiB$/);
    expect((await lines(at(1000)))[1]).toMatch(/^Last file quarantined just now: \S+$/);
    expect((await lines(at(90 * 60_000)))[1]).toMatch(/^Last file quarantined 2 hours ago: \S+$/);
  });

  test('shows the tables, what waits, what was refused, the correction, the late file and the name that is not taken', async () => {
    const desk = await openEventfulDesk();
    for (const terminal of [false, true]) {
      const { code, text } = await run(desk.database.file, { terminal });
      expect(code).toBe(0);
      let before = 0;
      for (const part of [
        'Quarantined',
        'Not taken',
        'bad_dataset',
        'Datasets',
        'bad_money',
        'Waiting',
        'waiting rows',
        'Late',
        'Corrected',
      ]) {
        const at = text.indexOf(part, before);
        expect(at, part).toBeGreaterThan(before);
        before = at;
      }
      expect(text).not.toContain('missing_parent');
      expect(text).toContain('no daemon has run on this database');
      if (!terminal) {
        expect(text).toContain('\nWaiting\nparent table\tmissing parents\twaiting rows\nprocedures\t2\t2\n');
        expect(text).toContain('\nNot taken\nname\tcode\treason\twhen (UTC)\n');
        expect(text).toMatch(
          /\nLate\nname\trev\twhen \(UTC\)\n\S+_\[20260801_060000\]\.txt\t1\t\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\n/,
        );
      }
      expect(text).not.toMatch(LEAK);
      expect(text).not.toContain('\u001b[2J');
    }
    const { database } = databaseSchema.parse(JSON.parse((await run(desk.database.file, { json: true })).text));
    expect(database['datasets']).toMatchObject([
      {
        name: 'Procedure',
        table: 'procedures',
        rows: 2,
        rows_rejected: 2,
        files_late: 1,
        checkpoint: '2026-08-02T06:00:00Z',
      },
      { name: 'Visit', rows: 1, rows_waiting: 2, files_ingested: 1, files_replaced: 1 },
      { name: 'Transaction', rows: 0, files_quarantined: 1, checkpoint: null },
    ]);
    expect(database['rejects']).toContainEqual({ dataset: 'Procedure', code: 'bad_money', rows: 1 });
    expect(database).toMatchObject({
      problem: null,
      waiting: [{ parent_table: 'procedures', rows: 2, parents: 2 }],
      quarantined: [
        { name: 'HospitalABC_VisitPay_Transaction_[20260802_060000].txt', reason_code: 'no_header', in_landing: false },
      ],
      late: [{ name: 'HospitalABC_VisitPay_Procedure_[20260801_060000].txt' }],
      corrected: [{ name: 'HospitalABC_VisitPay_Visit_[20260802_060000].txt', revision: 2 }],
    });
  });

  test.each<[string, Partial<Heartbeat>, Partial<Work>, number, string]>([
    ['idle', {}, {}, 0, 'idle (process 41, last heard 2 seconds ago)'],
    ['waiting', {}, { doing: 'waiting', settling: 14 }, 0, 'waiting for 14 files to settle (process 41,'],
    ['silent', { beat: '2026-08-10T11:58:00.000Z' }, {}, 1, 'no sign of life (for 2 minutes)'],
    ['stopped', {}, { doing: 'stopped' }, 1, 'stopped 2 seconds ago\n'],
    [
      'full disk',
      {},
      { faults: [{ kind: 'database', file: null, problem: 'the disk is full', since: '2026-08-10T11:00:00.000Z' }] },
      1,
      'database: the disk is full (for 1 hour)',
    ],
    [
      'one file',
      {},
      { faults: [{ kind: 'file', file: 'x', problem: 'EACCES', since: '2026-08-10T11:00:00.000Z' }] },
      0,
      'idle',
    ],
  ])('--check on a daemon that is %s', async (_, changes, work, code, text) => {
    const desk = openDesk();
    pretend(desk.database.file, { ...alive, ...changes, work: { ...alive.work, ...work } });
    const checked = await run(desk.database.file, { check: true });
    expect(checked.code).toBe(code);
    expect(checked.text).toContain(text);
    expect((await run(desk.database.file)).code).toBe(0);
    expect((await run(desk.database.file, { json: true, check: true })).code).toBe(code);
  });

  test('a daemon that was killed is told as such, with what to do, here and by --check', async () => {
    const desk = openDesk();
    pretendKilled(desk.database.file);
    const said = 'died (killed or crashed), last seen 3 seconds ago: start it again, the file in hand is read anew';
    expect(await run(desk.database.file, { check: true })).toEqual({ code: 1, text: `${said}\n` });
    expect((await run(desk.database.file)).text).toContain(`Daemon    ${said}\n`);
    const { daemon } = JSON.parse((await run(desk.database.file, { json: true })).text) as { daemon: object };
    expect(daemon).toMatchObject({ alive: false, problem: 'the daemon has died: it has let go of the lock' });
  });

  test('a daemon that was killed is told as such at once where its lock cannot be looked at, as on a read-only mount', async ({
    skip,
  }) => {
    if (PROCESS_TABLE === null) skip('the system does not say which processes there are');
    const desk = openDesk();
    const { pid } = spawnSync('true');
    const said = { ...alive, beat: '2026-08-10T11:59:57.000Z', processTable: PROCESS_TABLE };
    tryLock(desk.database.file, { pid, host: 'here', command: 'run', since: alive.startedAt })?.release();
    const check = async (heartbeat: Heartbeat): Promise<number> => {
      writeHeartbeat(desk.database.file, heartbeat);
      return (await run(desk.database.file, { check: true })).code;
    };
    // Nothing can be looked at but what it has said and the process.
    rmSync(lockPath(desk.database.file));
    expect(await check({ ...said, pid: process.pid })).toBe(0);
    expect(await check({ ...said, pid, processTable: 'of another container' })).toBe(0);
    writeHeartbeat(desk.database.file, { ...said, pid });
    if (!mountSelf(desk.database.file.replace(/[^/]*$/, ''), 'ro')) skip('a folder cannot be mounted here');
    expect(await run(desk.database.file, { check: true })).toMatchObject({
      code: 1,
      text: 'died (killed or crashed), last seen 3 seconds ago: start it again, the file in hand is read anew\n',
    });
  });

  test('80 columns break no name', async () => {
    const desk = await openEventfulDesk();
    pretendKilled(desk.database.file);
    const captured = captureIo({ now: NOW, terminal: true });
    const io = { ...captured, stdout: { ...captured.stdout, columns: 80, colour: false } };
    await status({ settings: settingsOf(desk.database.file), json: false, check: false }, io);
    const lines = io.written.out.split('\n');
    expect(lines.slice(0, 2)).toEqual([
      'Daemon    died (killed or crashed), last seen 3 seconds ago: start it again, the',
      '          file in hand is read anew',
    ]);
    const last = lines.findIndex((line) => line.startsWith('Last file quarantined '));
    expect(lines[last]).toMatch(/:$/);
    expect(lines[last + 1]).toBe('          HospitalABC_VisitPay_Transaction_[20260802_060000].txt');
    for (const line of lines) if (!line.includes(desk.database.file)) expect(line.length).toBeLessThanOrEqual(80);
  });

  test('shows the daemon at work and its faults, also when the database cannot be read', async () => {
    const db = join(tempFolder(), 'broken.sqlite');
    const file = { name: 'A\u001b[2J', phase: 'reading' as const, rows: 7, bytesRead: 50, bytesTotal: 200 };
    const faults = [{ kind: 'file' as const, file: 'B', problem: 'EACCES', since: '2026-08-10T11:00:00.000Z' }];
    pretend(db, { ...alive, work: { ...alive.work, doing: 'ingesting', file, faults, due: 3 } });
    writeFileSync(db, 'not a database, but long enough to be looked at'.repeat(100));
    const { text } = await run(db);
    expect(text).toContain('ingesting, A\\x1b[2J: loading 25 %, 7 rows, 3 due');
    expect(text).toContain('file: B: EACCES (for 1 hour)');
    expect(text).toContain('broken.sqlite');
    const { database } = databaseSchema.parse(JSON.parse((await run(db, { json: true })).text));
    expect(database['problem']).toContain('broken.sqlite');
  });

  test('of a server that does not answer it says no size', async () => {
    const settings = { ...settingsOf('postgres://loader@127.0.0.1:1/visits'), stateDir: tempFolder() };
    writeHeartbeat(heartbeatPlace(settings), alive);
    const { text } = await run(settings.db, { settings });
    expect(text).toMatch(/\nDatabase +postgres:\S+\/visits\n +postgres:\S+ no server answers there/);
  });

  test('names a log that a reader pins by what the living daemon saw, not by its size', async () => {
    const desk = openDesk();
    pretend(desk.database.file, alive);
    const pinned = { ...alive, work: { ...alive.work, wal: { bytes: 20_000_000, pinned: true } } };
    for (const [said, shown] of [
      [pinned, true],
      [{ ...pinned, beat: '2026-08-10T11:58:00.000Z' }, false],
      [alive, false],
    ] as const) {
      writeHeartbeat(desk.database.file, said);
      expect((await run(desk.database.file)).text.includes('keeps the log from being emptied')).toBe(shown);
    }
  });

  test('a database that is missing or was never set up is one clear error', async () => {
    const missing = join(tempFolder(), 'none.sqlite');
    await expect(async () => run(missing)).rejects.toThrow(/none\.sqlite does not exist \(start the daemon once/);
    writeFileSync(missing, '');
    await expect(async () => run(missing)).rejects.toThrow(/is empty: it was never set up/);
    const desk = openDesk();
    desk.db.exec('DROP TABLE transactions');
    await expect(async () => run(desk.database.file)).rejects.toThrow(
      'has no table transactions (start the daemon once',
    );
  });
});
