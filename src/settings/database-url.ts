/** Whether a database is named by a URL, such as `postgres://host/name`, and not by its path. */
export function isUrl(db: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(db);
}

/** A database's name as it may be shown: a URL's password, which may hold characters that it should not, as `***`. */
export function withoutPassword(db: string): string {
  if (!isUrl(db)) return db;
  return db.replace(/^([^:]*:\/\/[^:@/?]*:).*@/s, '$1***@').replace(/([?&]\w*password=)[^&]*/gi, '$1***');
}
