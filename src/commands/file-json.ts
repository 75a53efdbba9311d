import type { FileNote, FileRow } from '../store/sqlite/queries.ts';

/** The ledger's row, its JSON columns unfolded. */
export function fileForJson(file: FileRow): object {
  return {
    ...file,
    late: file.late === 1,
    reject_counts: unfold(file.reject_counts),
    dialect: unfold(file.dialect),
    extra: unfold(file.extra),
    warnings: unfold(file.warnings),
  };
}

/** A file in a list of the status, its JSON column unfolded. */
export function noteForJson(note: FileNote): object {
  return { ...note, warnings: unfold(note.warnings) };
}

function unfold(text: string | null): unknown {
  return text === null ? null : JSON.parse(text);
}
