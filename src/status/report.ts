import { LandfallError } from '../model/errors.ts';
import { withoutPassword } from '../settings/database-url.ts';
import type { DatabaseSize, DatabaseStatus } from '../store/reader.ts';
import type { Condition } from './condition.ts';
import type { DataStatus } from './data-status.ts';
import type { Heartbeat } from './heartbeat.ts';
import type { DaemonHealth } from './health.ts';

/**
 * Where things stand: the one report that the text of `status`, its JSON, the page and the metrics show, each in its own form. It
 * holds no value from a row (P8).
 */
export interface StatusReport {
  /** Of the program that looks. */
  readonly version: string;
  readonly daemon: DaemonHealth;
  readonly database: DatabaseReport;
  /** What was expected and what came; null: the database cannot be asked. */
  readonly data: DataStatus | null;
  /** What needs someone: first what is wrong with the daemon and its database, then with the data. */
  readonly conditions: readonly Condition[];
}

/** A database as it was found: what it says, or why it cannot be asked. */
export type DatabaseReport = DatabasePlace &
  ({ readonly problem: null; readonly status: DatabaseStatus } | { readonly problem: string; readonly status: null });

interface DatabasePlace {
  /** Its path, or its URL without the password. */
  readonly path: string;
  readonly bytes: number;
  /** Of its write-ahead log. */
  readonly walBytes: number;
}

/**
 * Puts together what was found of a database.
 * @param db the setting
 * @param found what it said, or why it could not be asked
 * @param size how much room it takes up
 */
export function reportDatabase(db: string, found: DatabaseStatus | LandfallError, size: DatabaseSize): DatabaseReport {
  const place = { path: withoutPassword(db), ...size };
  return found instanceof LandfallError
    ? { ...place, problem: found.message, status: null }
    : { ...place, problem: null, status: found };
}

/**
 * The report as `status --json` and `/status.json` print it, in the spelling of the database's columns.
 * @param lists take the place of the status's lists of files
 */
export function reportForJson(report: StatusReport, lists: object): object {
  const { version, daemon, database, data, conditions } = report;
  const { heartbeat, lives, problem } = daemon;
  const { path, bytes, walBytes, status } = database;
  return {
    version,
    daemon: {
      alive: lives,
      problem: problem?.text ?? null,
      since: problem?.since ?? null,
      ...(heartbeat === null ? {} : daemonForJson(heartbeat)),
    },
    database: {
      ...{ path, bytes, wal_bytes: walBytes, problem: database.problem },
      ...(status === null ? {} : { ...status, ...lists }),
    },
    expected: data?.datasets ?? null,
    conditions,
  };
}

/** What a daemon says of itself. */
function daemonForJson(heartbeat: Heartbeat): object {
  const { version, host, pid, beat, landing, work } = heartbeat;
  const { doing, file, due, settling, taken, wal, faults } = work;
  return {
    version,
    host,
    pid,
    worker_pid: heartbeat.workerPid,
    started_at: heartbeat.startedAt,
    beat,
    landing,
    work: {
      doing,
      file: file === null ? null : inHandForJson(file),
      due,
      settling,
      awaiting_parent: work.awaitingParent,
      taken,
      wal,
      faults,
    },
  };
}

function inHandForJson({ name, phase, rows, bytesRead, bytesTotal }: NonNullable<Heartbeat['work']['file']>): object {
  return { name, phase, rows, bytes_read: bytesRead, bytes_total: bytesTotal };
}
