import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { loadFeed } from '../feed/load.ts';
import { EXIT_REFUSED } from '../model/exit-codes.ts';
import type { Feed } from '../model/feed.ts';
import { erDiagram } from '../output/er-diagram.ts';
import type { Settings } from '../settings/settings.ts';
import { databaseText } from '../store/database-text.ts';
import { grantsSql, dialectOf, diffDatabase, requireSoundChecks } from '../store/schema.ts';
import { spellDifference } from '../store/table-differences.ts';
import type { CommandIo } from '../system/io.ts';
import { writeMigrations } from './write-migrations.ts';

/** What `schema` takes. */
export interface SchemaOptions {
  readonly settings: Settings;
  /** `print` the DDL or the `diagram`, `write` the next migration, say the `diff` between the database and the feed, or print the `grants` of roles. */
  readonly action: 'print' | 'diagram' | 'write' | 'diff' | 'grants';
}

/**
 * Shows or brings on the tables of a feed.
 * @returns 0; of a diff 3 when something differs
 * @throws LandfallError when the feed or its migrations are wrong, or a change cannot be written
 */
export async function schema({ settings, action }: SchemaOptions, io: CommandIo): Promise<number> {
  const feed = loadFeed(settings.feed, settings.env);
  await requireSoundChecks(feed, dialectOf(settings.db));
  switch (action) {
    case 'print':
      io.stdout.write(databaseText(feed, settings.db, join(io.program.root, 'migrations')));
      return 0;
    case 'grants':
      io.stdout.write(await grantsSql(settings.db, feed));
      return 0;
    case 'diagram':
      io.stdout.write(erDiagram(feed));
      return 0;
    case 'write':
      return await write(feed, settings.db, io);
    case 'diff':
      return await diff(feed, settings.db, io);
  }
}

async function diff(feed: Feed, db: string, { stdout }: CommandIo): Promise<number> {
  const differences = await diffDatabase(db, feed);
  const lines = differences.map((difference) => `${spellDifference(difference)}\n`);
  stdout.write(lines.length === 0 ? `the database has the tables of the feed ${feed.name}\n` : lines.join(''));
  return lines.length === 0 ? 0 : EXIT_REFUSED;
}

/** Writes the next migration for each dialect that the feed has migrations for, and for that of the database. */
async function write(feed: Feed, db: string, { stdout, stderr, cwd }: CommandIo): Promise<number> {
  const dialects = (['sqlite', 'postgres'] as const).filter(
    (each) => each === dialectOf(db) || existsSync(join(feed.folder, 'migrations', each)),
  );
  const { files: written, notes } = await writeMigrations(feed, dialects, db);
  for (const note of notes) stderr.write(`${note}\n`);
  for (const file of written) stdout.write(`written: ${relative(cwd, file)}\n`);
  stdout.write(
    written.length === 0
      ? 'nothing to write: the migrations give what the feed says, and the next start applies those that the database lacks\n'
      : 'review and commit; the next start applies it\n',
  );
  return 0;
}
