import { type DatabaseUrl, parseDatabaseUrl, withoutPassword } from '../../settings/database-url.ts';

/** Where a database on a server is. */
export interface ServerPlace {
  readonly url: DatabaseUrl;
  /** The URL as it may be shown. */
  readonly shown: string;
}

/** The place that a URL names, which was checked with the settings. */
export function serverPlace(db: string): ServerPlace {
  const url = parseDatabaseUrl(db);
  if (typeof url === 'string') throw new Error(`the setting db ${url}`);
  return { url, shown: withoutPassword(db) };
}
