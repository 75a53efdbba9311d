import type { NoteListName } from './reader.ts';

/** True for a file `f` of whose name nothing later was read. */
export const LATEST = 'revision = (SELECT max(l.revision) FROM files l WHERE l.name = f.name)';

/** True for a file `f` with the bytes of the revision before: it was retried. */
export const RETRIED =
  'EXISTS (SELECT 1 FROM files b WHERE b.name = f.name AND b.revision = f.revision - 1 AND b.sha256 = f.sha256)';

/** Which files `f` are in each list of the status. */
export const NOTED = {
  quarantined: `revision > 0 AND state = 'quarantined' AND ${LATEST}`,
  not_taken: 'revision = 0',
  late: `late = 1 AND state = 'ingested' AND NOT ${RETRIED}`,
  corrected: `revision > 1 AND state = 'ingested' AND NOT ${RETRIED}`,
  warned: "warnings IS NOT NULL AND state = 'ingested'",
} as const satisfies Record<NoteListName, string>;
