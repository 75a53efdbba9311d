import pg from 'pg';
import { DatabaseFault, type FaultKind, type FaultWords } from '../database-fault.ts';
import type { ServerPlace } from './server-place.ts';

/** A fault, and what is said of it. */
interface Fault extends FaultWords {
  readonly kind: FaultKind;
}

/** The server wants a password, and there is none to give; `message` says where one was looked for, and what is wrong there. */
export class NoPassword extends Error {
  override readonly name = 'NoPassword';
}

const WHERE_PASSWORDS =
  'put it into the file that PGPASSFILE names or ~/.pgpass, in mode 0600, or name one with passwordfile in --db';

/** The DatabaseFault that `error` is, or `error` itself. */
export function asFault(operation: string, place: ServerPlace, error: unknown): unknown {
  const fault = faultOf(error, place);
  return fault === null ? error : new DatabaseFault(fault.kind, operation, place.shown, error, fault);
}

function faultOf(error: unknown, place: ServerPlace): Fault | null {
  if (error instanceof pg.DatabaseError) return serverFault(error, place);
  if (error instanceof NoPassword)
    return denied(`the server asks for a password, and none is given: ${error.message}`, WHERE_PASSWORDS);
  if (!(error instanceof Error)) return null;
  return connectionFault(error);
}

/** What a server answers, by its code (https://www.postgresql.org/docs/current/errcodes-appendix.html). */
const ANSWERS: readonly (readonly [codes: RegExp, fault: Fault])[] = [
  [
    /^(?:40001|40P01|55P03)$/,
    { kind: 'busy', problem: 'another transaction was in the way', hint: 'it is tried again by itself' },
  ],
  [
    /^53300$/,
    {
      kind: 'busy',
      problem: 'the server takes no more connections',
      hint: 'raise max_connections, or the limit of the role or the database; a daemon needs two',
    },
  ],
  [/^53100$/, { kind: 'full', problem: "no room left on the server's disk", hint: 'free space there' }],
  [/^53/, { kind: 'memory', problem: 'the server lacks memory or another resource', hint: 'look into its log' }],
  [
    /^25006$/,
    {
      kind: 'readonly',
      problem: 'it cannot be written: the server is a standby, or read-only',
      hint: 'name the primary with --db',
    },
  ],
  [
    /^(?:08...|57P0[1-5]|25P0[34])$/,
    {
      kind: 'unreachable',
      problem: 'the server ended the connection',
      hint: 'it is tried again by itself; look into its log',
    },
  ],
  [/^57014$/, { kind: 'busy', problem: 'somebody cancelled what it did', hint: 'it is tried again by itself' }],
  [/^(?:58...|XX000)$/, { kind: 'io', problem: 'the server failed', hint: 'look into its log and at its disk' }],
  [
    /^XX00[12]$/,
    {
      kind: 'corrupt',
      problem: 'it is damaged',
      hint: 'stop, keep a copy, and restore a backup: see docs/postgresql.md',
    },
  ],
  [
    /^(?:42P01|42703|3F000)$/,
    {
      kind: 'changed',
      problem: 'a table, a column or the schema is gone',
      hint: 'put it back, then restart the daemon, which says what is missing',
    },
  ],
  // The statements themselves do not vary: they fail like this only where a table was changed, or a trigger is broken.
  [
    /^(?:0A000|2[7DF]...|39...|42...|55000)$/,
    {
      kind: 'changed',
      problem: 'a table is not as it was, or a trigger on it fails',
      hint: 'restart the daemon, which says which table does not fit the feed; if it starts, mend the trigger',
    },
  ],
];

function serverFault(error: pg.DatabaseError, place: ServerPlace): Fault | null {
  const code = error.code ?? '';
  if (code === '3D000')
    return denied(`there is no database ${place.url.database}`, 'create it, or name another with --db');
  if (code === '28000') {
    const hint = 'check the user, pg_hba.conf, and whether the server wants TLS (sslmode and sslcert in --db)';
    return denied('the server refuses the user', hint);
  }
  if (code.startsWith('28')) {
    const hint = 'check the user, the password (PGPASSFILE, ~/.pgpass or passwordfile) and pg_hba.conf';
    return denied('the server refuses the user or its password', hint);
  }
  if (code === '42501') return lackingRight(error, place);
  // "cannot set transaction read-write mode during recovery" has no code of its own.
  if (code === '0A000' && error.message.includes('recovery')) return faultOfCode('25006');
  return faultOfCode(code);
}

function faultOfCode(code: string): Fault | null {
  return ANSWERS.find(([codes]) => codes.test(code))?.[1] ?? null;
}

function denied(problem: string, hint: string): Fault {
  return { kind: 'denied', problem, hint };
}

/** What of `permission denied for KIND NAME` a role gives: one right alone would lead to the next that is missing, and a reader may not write. */
const OF_ROLES: ReadonlySet<string> = new Set(['table', 'view', 'sequence']);

const ROLES =
  'make it a member of landfall_loader, or of landfall_reader if it only reads: "landfall schema --grants" prints these roles and their rights';

/** The rights that are granted for each other KIND. */
const RIGHTS: Readonly<Record<string, (name: string) => string>> = {
  schema: (name) => `USAGE, CREATE ON SCHEMA ${name}`,
  database: (name) => `CONNECT, CREATE, TEMPORARY ON DATABASE ${name}`,
};

/** The message names tables and schemas, never a value. */
function lackingRight({ message }: pg.DatabaseError, { url }: ServerPlace): Fault {
  const user = url.user ?? 'the user';
  const [, kind = '', name = ''] = /^permission denied for (\w+) (\S+)$/.exec(message) ?? [];
  if (OF_ROLES.has(kind)) return denied(`${user} lacks a right to ${kind} ${name}`, ROLES);
  const rights = RIGHTS[kind];
  if (rights !== undefined) {
    const grant = `let its owner say: GRANT ${rights(name)} TO ${url.user ?? 'USER'}`;
    return denied(`${user} lacks a right to ${kind} ${name}`, grant);
  }
  if (message.includes('temporary tables')) {
    const grant = `let its owner say: GRANT TEMPORARY ON DATABASE ${url.database} TO ${url.user ?? 'USER'}`;
    return denied(`${user} may not make temporary tables`, grant);
  }
  const owner = /^must be owner of \w+ \S+$/.test(message) ? message : 'a right is missing';
  return denied(
    `${user} may not do that: ${owner}`,
    'let the owner of the tables start Landfall once, or grant the right',
  );
}

/** System errors of a connection that passes, or of a name that may be wrong. */
const WAYS: Readonly<Record<string, FaultWords>> = {
  ECONNREFUSED: { problem: 'no server answers there', hint: 'start it, or check the host and port in --db' },
  ENOENT: { problem: 'no server answers there', hint: 'start it, or check the folder of its socket in --db' },
  ENOTFOUND: { problem: 'its host is not known', hint: 'check the host in --db, and the name service' },
  EAI_AGAIN: { problem: 'its host is not known', hint: 'check the host in --db, and the name service' },
};

const LOST: FaultWords = { problem: 'the server cannot be reached', hint: 'check the network and the server' };

/** What `pg` says without a code when a connection is gone, or does not come about in time. */
const PLAIN =
  /^(?:Connection terminated|timeout expired|Client (?:was closed|has encountered a connection error)|Client network socket disconnected)/;

function connectionFault(error: Error): Fault | null {
  if (error.message.includes('server does not support SSL')) {
    return {
      kind: 'denied',
      problem: 'the server speaks no TLS',
      hint: 'turn it on there, or say sslmode=disable in --db',
    };
  }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : null;
  if (
    code !== null &&
    /^(?:ERR_TLS|ERR_SSL|ERR_OSSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|HOSTNAME_MISMATCH)/.test(code)
  ) {
    const hint = 'check sslmode and sslrootcert in --db, and the name and the dates in the certificate';
    return { kind: 'denied', problem: `the certificate of the server is not trusted (${code})`, hint };
  }
  // Of a host with several addresses each was tried.
  if (error instanceof AggregateError) return connectionFault(error.errors[0] as Error);
  const isLost = PLAIN.test(error.message) || (code !== null && isOfNetwork(code));
  return isLost ? { kind: 'unreachable', ...(WAYS[code ?? ''] ?? LOST) } : null;
}

function isOfNetwork(code: string): boolean {
  const reset = [
    'ECONNRESET',
    'EPIPE',
    'ECONNABORTED',
    'ETIMEDOUT',
    'EHOSTUNREACH',
    'ENETUNREACH',
    'EHOSTDOWN',
    'ENETDOWN',
  ];
  return code in WAYS || reset.includes(code) || code === 'ERR_STREAM_PREMATURE_CLOSE' || code === 'EACCES';
}

/** Whether the server says by an error that the database is damaged. */
export function saysDamaged(error: unknown): boolean {
  return error instanceof pg.DatabaseError && /^XX00[12]$/.test(error.code ?? '');
}
