/**
 * P9 by bytes: files with marked values are loaded by the program itself, on both stores. Whatever it writes is searched for the marks:
 * while it loads, after it was killed in the middle, and at the end; then the same of a refill.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs'; // prettier-ignore
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { describe, expect, onTestFinished, test } from 'vitest';
import { listCopies } from '../../src/archive/list-copies.ts';
import { makeKeyFile } from '../../src/protection/key-file.ts';
import { SEALED_MAGIC } from '../../src/protection/seal-stream.ts';
import { feedFileName, feedFileText, type Row } from '../helpers/feed-files.ts';
import { copyFeed } from '../helpers/feed-folder.ts';
import { ROOT } from '../helpers/ingest.ts';
import { describePostgres, freshDatabase } from '../helpers/postgres.ts';
import { urlOf } from '../helpers/postgres-store.ts';
import { tempFolder } from '../helpers/temp.ts';

/** No text of anything else; in the database of hashes it cannot come about by chance. */
const MARK = 'ZQmarkQZ';
const ROWS = 5_000;

/** Each way to protect, on the columns of the shipped feed, in the tables that are there. */
const PROTECT = `protect:
  visits.patient_id: hash
  visits.patient_name: mask
  visits.date_of_birth: drop
  visits.patient_phone: last4
  visits.patient_address: hash
`;

function visit(at: number): Row {
  return {
    VisitID: `V${at % (ROWS - 100)}`, // some twice
    ProcedureID: at % 3 === 0 ? 'late' : 'P1',
    ...{ PatientID: `${MARK}-${at}`, PatientName: `Ann ${MARK}${at}`, DateOfBirth: '1980-01-02' },
    ...{ PatientPhone: `${MARK}-${at}-0123`, PatientAddress: `${at} ${MARK} Street` },
    VisitDate: at % 50 === 0 ? 'never' : '2026-07-01',
    TotalCharge: '12.50',
  };
}

interface Desk {
  readonly folder: string;
  readonly landing: string;
  readonly args: readonly string[];
}

function openDesk(db: string, folder: string): Desk {
  const feed = copyFeed({});
  writeFileSync(join(feed, 'environments/marked.yaml'), PROTECT);
  const landing = join(folder, 'landing');
  for (const name of ['landing', 'tmp', 'state', 'receipts']) mkdirSync(join(folder, name));
  makeKeyFile(join(folder, 'key'));
  const drop = (dataset: 'Procedure' | 'Visit', stamp: string, rows: readonly Row[]): void => {
    writeFileSync(join(landing, feedFileName(dataset, stamp)), feedFileText(dataset, rows));
  };
  drop('Procedure', '20260801_060000', [{ ProcedureID: 'P1', ProcedureCode: 'C' }]);
  drop(
    'Visit',
    '20260801_070000',
    Array.from({ length: ROWS }, (_, at) => visit(at)),
  );
  drop(
    'Visit',
    '20260801_090000',
    Array.from({ length: 40 }, (_, at) => visit(at * 50)),
  ); // all refused: quarantined
  const of = (name: string, value: string): readonly string[] => [`--${name}`, value];
  return {
    folder,
    landing,
    args: [
      ...['--feed', feed, '--env', 'marked', '--key-file', join(folder, 'key'), '--settle', '0', '--cache-mib', '1'],
      ...['--landing', landing, '--db', db, '--archive', join(folder, 'archive'), '--log-level', 'trace'],
      ...of('state-dir', join(folder, 'state')),
      ...of('receipts', join(folder, 'receipts')),
    ],
  };
}

const LAUNCHER = join(ROOT, 'bin/landfall.cjs');
const environment = ({ folder }: Desk) => ({ ...process.env, TMPDIR: join(folder, 'tmp'), SQLITE_TMPDIR: join(folder, 'tmp') }); // prettier-ignore

/** Runs a command to its end; what it prints is searched as well. */
function run(desk: Desk, ...command: readonly string[]): number | null {
  const { status, stdout, stderr } = spawnSync(process.execPath, [LAUNCHER, ...command, ...desk.args], {
    env: environment(desk),
    encoding: 'utf8',
  });
  writeFileSync(join(desk.folder, `${command[0] ?? ''}.log`), `${stdout}${stderr}`, { flag: 'a' });
  return status;
}

/** Starts a command in a process group of its own. */
function start(
  desk: Desk,
  ...command: readonly string[]
): { child: ChildProcess; signal: (name: NodeJS.Signals) => void } {
  const log = openSync(join(desk.folder, 'killed.log'), 'a');
  const child = spawn(process.execPath, [LAUNCHER, ...command, ...desk.args], {
    env: environment(desk),
    detached: true,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  const signal = (name: NodeJS.Signals): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, name);
    } catch {
      // It has ended.
    }
  };
  onTestFinished(() => {
    signal('SIGKILL');
  });
  return { child, signal };
}

/** The files in which a mark stands. */
function leaksIn(folders: readonly string[], except: readonly string[] = []): string[] {
  return folders
    .flatMap((folder) => (existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)) : []))
    .filter((path) => !except.some((each) => path.startsWith(each)) && holdsMark(path));
} // prettier-ignore

function holdsMark(path: string): boolean {
  try {
    if (!statSync(path).isFile() && !path.startsWith('/proc/')) return false;
    const bytes = readFileSync(path);
    return bytes.includes(MARK) || bytes.includes(Buffer.from(MARK, 'utf16le'));
  } catch {
    // It was removed meanwhile, or is a socket.
    return false;
  }
}

/** Files without a name that the processes of a group have open, in which a mark stands; Linux alone lets others look at them. */
function leaksInUnnamed(group: number): string[] {
  if (!existsSync('/proc/self/stat')) return [];
  const ofGroup = readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && groupOf(pid) === group);
  return ofGroup.flatMap((pid) =>
    readdirSync(`/proc/${pid}/fd`)
      .map((fd) => `/proc/${pid}/fd/${fd}`)
      .filter((link) => readlinkSync(link).endsWith(' (deleted)') && holdsMark(link)),
  );
}

/** The process group (proc_pid_stat(5), field 5); null: it has ended. */
function groupOf(pid: string): number | null {
  try {
    return Number(readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ')[2]);
  } catch {
    return null;
  }
}

/** Waits until a load is in the middle of the file, and holds it there. */
async function stopInTheMiddle(desk: Desk, isInTheMiddle: () => boolean | Promise<boolean>, ...command: readonly string[]) {
  const { child, signal } = start(desk, ...command);
  while (!(await isInTheMiddle())) {
    expect(child.exitCode, 'it has ended before it was in the middle').toBeNull();
    await sleep(2);
  }
  signal('SIGSTOP');
  return {
    group: child.pid ?? 0,
    kill: async () => {
      signal('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    },
  };
} // prettier-ignore

/** @param where what the store writes, and how it is told that a load is in the middle */
async function tryMarks(
  desk: Desk,
  other: string,
  where: {
    readonly folders: () => Promise<readonly string[]>;
    readonly isInTheMiddle: () => boolean | Promise<boolean>;
  },
  rows: (sql: string) => Promise<readonly object[]>,
): Promise<void> {
  const { folder, landing } = desk;
  const leaks = async (): Promise<string[]> => leaksIn([folder, ...(await where.folders())], [landing]);
  // The search finds what is there.
  expect(leaksIn([folder])).toHaveLength(2);

  const held = await stopInTheMiddle(desk, where.isInTheMiddle, 'once');
  expect([...(await leaks()), ...leaksInUnnamed(held.group)]).toEqual([]);
  await held.kill();
  expect(await leaks()).toEqual([]);

  expect(run(desk, 'once')).toBe(3);
  expect(await leaks()).toEqual([]);
  const [{ visits, refused, waiting } = { visits: 0, refused: 0, waiting: 0 }] = (await rows(
    `SELECT (SELECT count(*) FROM visits) AS visits, (SELECT count(*) FROM rejects WHERE state = 'rejected') AS refused,
       (SELECT count(*) FROM rejects WHERE state = 'waiting') AS waiting`,
  )) as Record<'visits' | 'refused' | 'waiting', number | string>[];
  expect(Number(visits)).toBeGreaterThan(ROWS / 2);
  expect(Number(refused)).toBeGreaterThan(ROWS / 60);
  expect(Number(waiting)).toBeGreaterThan(ROWS / 5);
  // Compressed, a mark would not be found.
  const archive = join(folder, 'archive');
  const copies = listCopies(archive);
  expect(copies).toHaveLength(2);
  for (const { path } of copies.filter(({ name }) => name.includes('Visit')))
    expect(readFileSync(join(archive, path)).subarray(0, SEALED_MAGIC.length)).toEqual(SEALED_MAGIC);

  const again = { ...desk, args: [...desk.args, '--db', other, '--state-dir', join(folder, 'state')] };
  const refilling = start(again, 'refill');
  while (refilling.child.exitCode === null && refilling.child.signalCode === null) {
    refilling.signal('SIGSTOP');
    const found = leaksIn([folder], [landing]);
    refilling.signal('SIGCONT');
    expect(found).toEqual([]);
    await sleep(150);
  }
  expect(await leaks()).toEqual([]);
}

describe('P9: no byte of a protected value is written', () => {
  test('on SQLite', async () => {
    const folder = tempFolder();
    const db = join(folder, 'db/x.sqlite');
    const desk = openDesk(db, folder);
    const wal = `${db}-wal`;
    await tryMarks(
      desk,
      join(folder, 'db/new.sqlite'),
      {
        folders: () => Promise.resolve([]),
        // The tables were made long before; the file's rows come after.
        isInTheMiddle: () => existsSync(wal) && statSync(wal).size > 500_000,
      },
      async (sql) => {
        const { default: Database } = await import('better-sqlite3');
        const database = new Database(db, { readonly: true });
        try {
          return database.prepare<[], object>(sql).all();
        } finally {
          database.close();
        }
      },
    );
  });
});

describePostgres('P9: no byte of a protected value is written', () => {
  test('on PostgreSQL', async () => {
    await using database = await freshDatabase();
    const client = new pg.Client(database.place);
    await client.connect();
    const query = async (sql: string): Promise<readonly object[]> => (await client.query<object>(sql)).rows;
    try {
      const [{ folder: data, oid } = { folder: '', oid: 0 }] = (await query(
        `SELECT current_setting('data_directory') AS folder, oid FROM pg_database WHERE datname = current_database()`,
      )) as { folder: string; oid: number }[];
      await tryMarks(
        openDesk(urlOf(database.place), tempFolder()),
        urlOf(database.place, 'again'),
        {
          folders: async () => {
            // What stands in shared memory alone is written.
            await query('CHECKPOINT');
            return [join(data, 'base', String(oid)), join(data, 'base/pgsql_tmp'), join(data, 'pg_wal')];
          },
          isInTheMiddle: async () => {
            const running = await query(
              `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'
                 AND backend_xid IS NOT NULL AND query ~ '(COPY|_stage|visits)'`,
            );
            return running.length > 0;
          },
        },
        query,
      );
    } finally {
      await client.end();
    }
  });
});
