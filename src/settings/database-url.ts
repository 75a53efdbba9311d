/** Whether a database is named by a URL, such as `postgres://host/name`, and not by its path. */
export function isUrl(db: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(db);
}

/** A database's name as it may be shown: a URL's password, which may hold characters that it should not, as `***`. */
export function withoutPassword(db: string): string {
  if (!isUrl(db)) return db;
  return db.replace(/^([^:]*:\/\/[^:@/?]*:).*@/s, '$1***@').replace(/([?&]\w*password=)[^&]*/gi, '$1***');
}

/** Whether a URL holds a password. */
export function hasPassword(db: string): boolean {
  const url = isUrl(db) ? parseDatabaseUrl(db) : '';
  return typeof url !== 'string' && url.password !== null;
}

/** How TLS is used, as libpq names it (https://www.postgresql.org/docs/current/libpq-ssl.html). */
export type TlsMode = 'disable' | 'require' | 'verify-ca' | 'verify-full';

/** What a URL of PostgreSQL says. What is null follows the variables of libpq, such as PGHOST and PGUSER. */
export interface DatabaseUrl {
  /** A name or an address; a path: the folder of the server's socket. */
  readonly host: string | null;
  readonly port: number | null;
  readonly user: string | null;
  /** One in the URL; usually it stands in a file. */
  readonly password: string | null;
  /** A file that holds nothing but the password. */
  readonly passwordFile: string | null;
  readonly database: string;
  /** The schema that the tables are in. */
  readonly schema: string;
  readonly tls: TlsMode | null;
  /** Files in PEM: the authorities that are trusted, and the certificate and key of this client. */
  readonly tlsFiles: { readonly ca: string | null; readonly cert: string | null; readonly key: string | null };
}

/** What stands behind the question mark, by the names of libpq; `schema` and `passwordfile` are ours. */
const PARAMETERS = [
  ...['host', 'port', 'user', 'password', 'schema', 'sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'passwordfile'],
] as const;

const TLS_MODES: readonly string[] = ['disable', 'require', 'verify-ca', 'verify-full'] satisfies TlsMode[];

/** A name longer than this is cut off by PostgreSQL, in bytes. */
const NAME_BYTES = 63;

const EXAMPLE = 'postgres://user@host/database';

/**
 * Reads a URL such as `postgres://user@host:5432/database?schema=claims&sslmode=verify-full`.
 * @returns what it says, or what is wrong with it: a clause that begins with "must", without a password
 */
export function parseDatabaseUrl(db: string): DatabaseUrl | string {
  if (!/^postgres(?:ql)?:\/\//i.test(db)) return `must be a path, or a URL of PostgreSQL such as ${EXAMPLE}`;
  const url = asUrl(db);
  if (url === null) return `must be a URL such as ${EXAMPLE}`;
  const given = url.searchParams;
  const unknown = [...given.keys()].find((name) => !(PARAMETERS as readonly string[]).includes(name));
  if (unknown !== undefined) return `must not have the parameter ${unknown} (there are ${PARAMETERS.join(', ')})`;
  const text = (name: (typeof PARAMETERS)[number], other = ''): string | null => given.get(name) ?? decoded(other);
  const database = decoded(url.pathname.slice(1));
  if (database === null) return `must name a database, e.g. ${EXAMPLE}`;
  const port = text('port', url.port);
  if (port !== null && !(/^\d{1,5}$/.test(port) && Number(port) <= 65_535)) return 'must have a port from 1 to 65535';
  const schema = text('schema') ?? 'public';
  if (schema === '' || Buffer.byteLength(schema) > NAME_BYTES) return `must name a schema of 1 to ${NAME_BYTES} bytes`;
  const tls = text('sslmode');
  if (tls !== null && !isTlsMode(tls)) return `must have an sslmode of ${TLS_MODES.join(', ')}`;
  return {
    ...{ host: text('host', url.hostname === NO_HOST ? '' : url.hostname), port: port === null ? null : Number(port) },
    ...{ user: text('user', url.username), password: text('password', url.password), database, schema, tls },
    passwordFile: text('passwordfile'),
    tlsFiles: { ca: text('sslrootcert'), cert: text('sslcert'), key: text('sslkey') },
  };
}

function isTlsMode(text: string): text is TlsMode {
  return TLS_MODES.includes(text);
}

/** Stands for a host that is left out: `postgres://user@/database` is none of a URL's forms (https://url.spec.whatwg.org). */
const NO_HOST = 'host.invalid';

function asUrl(db: string): URL | null {
  const complete = db.replace(/^([^:]*:\/\/(?:[^/?#]*@)?)(?=[/?]|$)/, `$1${NO_HOST}`);
  return URL.canParse(complete) ? new URL(complete) : null;
}

/** Null: it is empty. */
function decoded(part: string): string | null {
  if (part === '') return null;
  try {
    return decodeURIComponent(part.replace(/^\[(.*)\]$/, '$1'));
  } catch {
    return part;
  }
}
