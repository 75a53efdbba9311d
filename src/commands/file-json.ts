import type { FileRow } from '../store/queries.ts';

/** The ledger's row, its JSON columns unfolded. */
export function fileForJson(file: FileRow): object {
  const unfold = (text: string | null): unknown => (text === null ? null : JSON.parse(text));
  return {
    ...file,
    late: file.late === 1,
    reject_counts: unfold(file.reject_counts),
    dialect: unfold(file.dialect),
    extra: unfold(file.extra),
  };
}
