import type Database from 'better-sqlite3';
import { prepareOnce } from './prepare-once.ts';

/**
 * Whether what becomes of a row that is put into a table never hangs on the other rows of its file: then they may go in in any order,
 * and a part at a time. It does hang on them where two rows may claim the same value of a unique index, or keys that the table takes
 * for the same, where a row refers to its own table, and where a trigger looks at what is there.
 */
export function areRowsIndependent(db: Database.Database, table: string): boolean {
  const ties = prepareOnce<[Record<'table', string>], number>(
    db,
    `SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = @table COLLATE NOCASE)
         OR EXISTS (SELECT 1 FROM sqlite_temp_schema WHERE type = 'trigger' AND tbl_name = @table COLLATE NOCASE)
         OR EXISTS (SELECT 1 FROM pragma_foreign_key_list(@table) WHERE "table" = @table COLLATE NOCASE)
         OR EXISTS (SELECT 1 FROM pragma_index_list(@table) i CROSS JOIN pragma_index_xinfo(i.name) x
              WHERE i."unique" AND x.key AND (i.origin <> 'pk' OR x.coll <> 'BINARY'))`,
  );
  return ties.pluck().get({ table }) === 0;
}
