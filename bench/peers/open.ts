import Database from 'better-sqlite3';

/** Opens a database as every peer does: a commit is on the disk, foreign keys hold, the page cache has `cacheMib` MiB. */
export function openPeer(file: string, cacheMib: string): Database.Database {
  const db = new Database(file);
  for (const pragma of ['journal_mode = WAL', 'synchronous = FULL', 'foreign_keys = ON']) db.pragma(pragma);
  db.pragma(`cache_size = -${Number(cacheMib) * 1024}`);
  return db;
}
