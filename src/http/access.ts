import { createHash, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { LandfallError } from '../model/errors.ts';
import { isLoopback } from '../settings/http-address.ts';
import { systemCode } from '../system/system-error.ts';

/** Who may ask: by which name this machine is to be called, and what password is needed. */
export interface Access {
  /** The host of `--http`. */
  readonly host: string;
  /** Null: none is needed. */
  readonly password: string | null;
}

/** Why a request is not answered. */
export interface Refusal {
  readonly status: 401 | 405 | 421;
  readonly text: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** These say one word each, for probes, which know no password. */
const OPEN_PATHS = ['/health', '/ready'];

/** Guessing is to be hopeless. */
const LEAST_PASSWORD = 8;

/**
 * Reads the password: the first line of the file.
 * @throws LandfallError when it cannot be read, or is too short
 */
export function readPassword(file: string): string {
  const hint = 'it holds the password of the page in its first line; make one with: openssl rand -base64 24';
  try {
    const [password = ''] = readFileSync(file, 'utf8').split(/\r?\n/, 1);
    if (password.length >= LEAST_PASSWORD) return password;
  } catch (cause) {
    const code = systemCode(cause);
    if (code === null) throw cause;
    throw new LandfallError('read password', `cannot be read: ${code}`, { file, hint, cause });
  }
  throw new LandfallError('read password', `the password is shorter than ${LEAST_PASSWORD} characters`, { file, hint });
}

/**
 * Whether a request is answered. What is served on loopback is asked for by a name of loopback only: else a page of another site
 * could have its own name lead here, and read what it gets (DNS rebinding).
 * @param path without its query
 */
export function refuse({ method, headers }: IncomingMessage, path: string, access: Access): Refusal | null {
  if (method !== 'GET' && method !== 'HEAD')
    return { status: 405, text: 'only GET and HEAD', headers: { Allow: 'GET, HEAD' } };
  if (isLoopback(access.host) && !isOwnName(headers.host, access.host))
    return { status: 421, text: 'ask for it by the address it is served on', headers: {} };
  if (OPEN_PATHS.includes(path) || access.password === null) return null;
  if (isRight(headers.authorization, access.password)) return null;
  const challenge = { 'WWW-Authenticate': 'Basic realm="Landfall", charset="UTF-8"' };
  return { status: 401, text: 'a password is needed (any user name will do)', headers: challenge };
}

/** Whether the name in a Host header, with or without a port, is one of loopback. */
function isOwnName(header: string | undefined, host: string): boolean {
  const [, inBrackets, plain] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(header?.toLowerCase() ?? '') ?? [];
  const name = inBrackets ?? plain ?? '';
  return name !== '' && (isLoopback(name) || name === host.toLowerCase());
}

/** Compares in a time that does not depend on where the two differ (RFC 7617 for the header). */
function isRight(header: string | undefined, password: string): boolean {
  const [, encoded = ''] = /^Basic +([\w+/=-]+)$/i.exec(header ?? '') ?? [];
  const given = Buffer.from(encoded, 'base64').toString('utf8');
  const afterName = given.slice(given.indexOf(':') + 1);
  return timingSafeEqual(digest(afterName), digest(password)) && given.includes(':');
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
