import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import pg from 'pg';
import { LandfallError } from '../../model/errors.ts';
import { systemCode } from '../../system/system-error.ts';
import { asFault } from './faults.ts';
import { findPassword } from './password.ts';
import type { ServerPlace } from './server-place.ts';

/** How long a server may take to answer, in ms. */
const CONNECT_WITHIN_MS = 10_000;

/** After so long without a word the other side is asked whether it is still there, in ms. */
const KEEP_ALIVE_MS = 30_000;

/**
 * Connects to a server. A password comes from the URL, its `passwordfile`, or as libpq finds it (PGPASSWORD, PGPASSFILE, ~/.pgpass).
 * @param name what the server lists the connection as
 * @param pipeline what is asked is sent at once, without waiting for the answers to what was asked before; COPY is then not possible
 * @throws LandfallError when a file that the URL names cannot be read
 * @throws DatabaseFault when the server cannot be reached, or lets nobody in
 */
export async function connect(place: ServerPlace, name: string, pipeline = false): Promise<pg.Client> {
  const { url, shown } = place;
  const password =
    url.password ?? (url.passwordFile === null ? null : read(shown, url.passwordFile).replace(/\r?\n$/, ''));
  const client: pg.Client = new pg.Client({
    ...given({ host: url.host, port: url.port, user: url.user, ssl: tlsOptions(place) }),
    // Asked for where the server wants one.
    password: password ?? (() => requirePassword(client)),
    database: url.database,
    application_name: name,
    pipeline,
    connectionTimeoutMillis: CONNECT_WITHIN_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    types: { getTypeParser: parserOf },
  });
  // Whoever asks next hears of it; without a listener it would end the process.
  client.on('error', () => undefined);
  try {
    await client.connect();
    return client;
  } catch (error) {
    void client.end().catch(() => undefined);
    throw asFault('open database', place, error);
  }
}

/** @throws NoPassword where libpq would find none */
function requirePassword({ host, port, database = '', user = '' }: pg.Client): string {
  return findPassword({ host, port, database, user });
}

/** Without what is null: `pg` then follows the variables of libpq. */
function given<Options extends object>(options: Options): { [Name in keyof Options]?: NonNullable<Options[Name]> } {
  const entries = Object.entries(options).filter(([, value]) => value !== null);
  return Object.fromEntries(entries) as { [Name in keyof Options]?: NonNullable<Options[Name]> };
}

/** As libpq does (https://www.postgresql.org/docs/current/libpq-ssl.html); null: not said. */
function tlsOptions({ url: { tls, tlsFiles }, shown }: ServerPlace): ConnectionOptions | false | null {
  if (tls === null || tls === 'disable') return tls === null ? null : false;
  const text = (file: string | null) => (file === null ? null : read(shown, file));
  const files = given({ ca: text(tlsFiles.ca), cert: text(tlsFiles.cert), key: text(tlsFiles.key) });
  if (tls === 'verify-full') return files;
  // With an authority to hold the certificate against, libpq's `require` is its `verify-ca`.
  if (tls === 'verify-ca' || tlsFiles.ca !== null) return { ...files, checkServerIdentity: () => undefined };
  return { ...files, rejectUnauthorized: false };
}

function read(shown: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new LandfallError('open database', `${file} cannot be read (${systemCode(cause) ?? 'it failed'})`, {
      file: shown,
      hint: 'the URL names it: check the path, its owner and its mode',
      cause,
    });
  }
}

const { INT8, DATE } = pg.types.builtins;

/** How values of a type are read: numbers as numbers (what needs 64 bits is asked for as text), dates as text. */
const parserOf: typeof pg.types.getTypeParser = (oid, format): ((value: string) => unknown) => {
  if (oid === INT8) return Number;
  if (oid === DATE) return String;
  return pg.types.getTypeParser(oid, format) as (value: string) => unknown;
};
