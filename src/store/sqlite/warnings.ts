import type { WarningCode } from '../../model/codes.ts';
import type { Warnings } from '../../model/warnings.ts';
import type { WarnedFile } from '../checked-files.ts';
import { guardFaults } from './faults.ts';
import type { OpenDatabase } from './open.ts';
import { prepareOnce } from './prepare-once.ts';

/** As `Store.setWarnings`. */
export function setWarnings({ db, file }: OpenDatabase, fileId: number, warnings: Warnings): void {
  const text = Object.keys(warnings).length === 0 ? null : JSON.stringify(warnings);
  guardFaults('write ledger', file, () => {
    prepareOnce(db, 'UPDATE files SET warnings = ? WHERE file_id = ?').run(text, fileId);
  });
}

/** As `Store.filesWarnedOf`. */
export function filesWarnedOf({ db, file }: OpenDatabase, code: WarningCode): readonly WarnedFile[] {
  const sql = `SELECT file_id AS fileId, dataset, warnings FROM files
    WHERE warnings IS NOT NULL AND json_type(warnings, '$.' || ?) IS NOT NULL ORDER BY file_id`;
  return guardFaults('read ledger', file, () =>
    prepareOnce<[string], Omit<WarnedFile, 'warnings'> & { warnings: string }>(db, sql)
      .all(code)
      .map((row) => ({ ...row, warnings: JSON.parse(row.warnings) as Warnings })),
  );
}
