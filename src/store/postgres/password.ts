import { readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { env as ownEnv, platform } from 'node:process';
import { systemCode } from '../../system/system-error.ts';
import { NoPassword } from './faults.ts';

/** Who asks for a password, and where. */
export interface Login {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
}

/**
 * The password that libpq would find: in PGPASSWORD, in the file that PGPASSFILE names, or in ~/.pgpass. A file that others may read is
 * passed over, as libpq does.
 * @throws NoPassword when there is none: it says why
 */
export function findPassword(login: Login, env: NodeJS.ProcessEnv = ownEnv): string {
  if (env['PGPASSWORD'] !== undefined) return env['PGPASSWORD'];
  const file = env['PGPASSFILE'] ?? join(homedir(), '.pgpass');
  const found = passwordIn(readPasswords(file), login);
  if (found !== null) return found;
  throw new NoPassword(`no line of ${file} fits ${login.host}:${login.port}:${login.database}:${login.user}`);
}

function readPasswords(file: string): string {
  let mode: number;
  try {
    mode = statSync(file).mode;
    if (platform === 'win32' || (mode & 0o077) === 0) return readFileSync(file, 'utf8');
  } catch (error) {
    const code = systemCode(error) ?? 'it failed';
    throw new NoPassword(code === 'ENOENT' ? `there is no ${file}` : `${file} cannot be read (${code})`);
  }
  throw new NoPassword(`others may read ${file}, which is why it is passed over`);
}

/**
 * The password for a login: in the first line `host:port:database:user:password` that fits, where `*` stands for any, and a backslash
 * before a colon or another one (https://www.postgresql.org/docs/current/libpq-pgpass.html).
 */
export function passwordIn(text: string, { host, port, database, user }: Login): string | null {
  // A server behind a socket is called localhost, too.
  const hosts = host.startsWith('/') ? [host, 'localhost'] : [host];
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith('#')) continue;
    const [ofHost = '', ofPort = '', ofDatabase = '', ofUser = '', password] = fieldsOf(line);
    const fits = (field: string, ...values: readonly string[]) => field === '*' || values.includes(field);
    const isOurs =
      fits(ofHost, ...hosts) && fits(ofPort, String(port)) && fits(ofDatabase, database) && fits(ofUser, user);
    if (isOurs && password !== undefined) return password;
  }
  return null;
}

/** The fields of a line, parted by colons that no backslash stands before. */
function fieldsOf(line: string): readonly string[] {
  const fields: string[] = [];
  let field = '';
  for (let at = 0; at < line.length; at++) {
    if (line.charAt(at) === ':') {
      fields.push(field);
      field = '';
      continue;
    }
    if (line.charAt(at) === '\\' && at + 1 < line.length) at++;
    field += line.charAt(at);
  }
  return [...fields, field];
}
