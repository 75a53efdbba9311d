import type { ClientBase } from 'pg';
import type { WarningCode } from '../../model/codes.ts';
import type { Warnings } from '../../model/warnings.ts';
import type { WarnedFile } from '../checked-files.ts';

/** As `Store.setWarnings`. */
export async function setWarnings(client: ClientBase, fileId: number, warnings: Warnings): Promise<void> {
  const text = Object.keys(warnings).length === 0 ? null : JSON.stringify(warnings);
  await client.query('UPDATE files SET warnings = $1 WHERE file_id = $2', [text, fileId]);
}

/** As `Store.filesWarnedOf`. */
export async function filesWarnedOf(client: ClientBase, code: WarningCode): Promise<readonly WarnedFile[]> {
  const { rows } = await client.query<{ file_id: string; dataset: string; warnings: Warnings }>(
    `SELECT file_id, dataset, warnings FROM files WHERE warnings IS NOT NULL AND warnings -> $1 IS NOT NULL ORDER BY file_id`,
    [code],
  );
  return rows.map(({ file_id, dataset, warnings }) => ({ fileId: Number(file_id), dataset, warnings }));
}
