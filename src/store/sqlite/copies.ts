import type { CopyNote } from '../../model/archive.ts';
import { withoutSync } from './attempts.ts';
import { guardFaults } from './faults.ts';
import type { OpenDatabase } from './open.ts';
import { prepareOnce } from './prepare-once.ts';

/** As `Store.noteCopy`. */
export function noteCopy(database: OpenDatabase, name: string, takenAt: string): void {
  guardFaults('note copy', database.file, () => {
    withoutSync(database, () =>
      prepareOnce(database.db, 'INSERT OR REPLACE INTO copies (name, taken_at, process) VALUES (?, ?, ?)').run(
        ...[name, takenAt, database.process],
      ),
    );
  });
}

/** As `Store.openCopies`. */
export function openCopies(database: OpenDatabase): readonly CopyNote[] {
  return guardFaults('read ledger', database.file, () =>
    prepareOnce<[], Omit<CopyNote, 'isOwn'>>(
      database.db,
      `SELECT c.name, c.taken_at AS takenAt, f.archived_to AS archivedTo FROM copies c
       LEFT JOIN files f ON f.name = c.name AND f.taken_at = c.taken_at`,
    )
      .all()
      .map((note) => ({ ...note, isOwn: true })),
  );
}

/** As `Store.closeCopies`. */
export function closeCopies(database: OpenDatabase, notes: readonly CopyNote[]): void {
  guardFaults('note copy', database.file, () => {
    withoutSync(database, () => {
      const remove = prepareOnce(database.db, 'DELETE FROM copies WHERE name = ? AND taken_at = ?');
      database.db.transaction(() => {
        for (const { name, takenAt } of notes) remove.run(name, takenAt);
      })();
    });
  });
}
