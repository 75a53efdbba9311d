import { EventEmitter } from 'node:events';
import type { IngestOutcome } from './ingest.ts';
import type { UnreadName } from './ledger.ts';
import type { Totals } from './totals.ts';
import type { Fault, Work } from './work.ts';

/** What became of a file, with its name. */
type FileEvent<Kind extends IngestOutcome['kind']> = Extract<IngestOutcome, { kind: Kind }> & { readonly file: string };

/** A file that was committed: of header cells that no column takes their number alone, since a cell may be a value (P8). */
type CommittedFile = Omit<FileEvent<'ingested'>, 'extra' | 'newExtra'> & {
  /** How many such cells it has that the dataset's last file did not have. */
  readonly newColumns: number;
};

/**
 * All events, by name, with what each carries: names of files and known columns, lines, codes and counts, never a value from a row
 * (P8). They are told once, to who listens in this process, and are gone: they are for what may be missed (the log, totals, progress).
 * What may not be missed is read from the ledger and from the faults in the heartbeat.
 */
export interface EventMap {
  /** A file was committed. */
  'file:ingested': [file: CommittedFile];
  /** A file was refused: nothing of it is loaded, the ledger says why. */
  'file:quarantined': [file: FileEvent<'quarantined'>];
  /** A file has the bytes of its latest revision: nothing was to do. */
  'file:unchanged': [file: FileEvent<'unchanged'>];
  /** A file was not, or did not stay, as it was listed: rolled back, to be read again. */
  'file:changed': [file: FileEvent<'changed'>];
  /** A file was given up in order to stop: rolled back, to be read again. */
  'file:given_up': [file: FileEvent<'given_up'>];
  /** No file is left that can be taken just now: what those taken in one go have come to, and how long they took, in ms. */
  'files:taken': [totals: Readonly<Totals>, ms: number];
  /** Names in the landing folder that are not read, and are told now. */
  'names:unread': [names: readonly Pick<UnreadName, 'name' | 'state' | 'code' | 'reason'>[]];
  /** The folders in the landing folder that names of the feed lead through are others than before: paths below it. */
  folders: [folders: readonly string[]];
  /** Something is wrong from now on; told once. */
  'fault:begin': [fault: Fault];
  /** It is over, after so many seconds; told once. */
  'fault:end': [fault: Fault, seconds: number];
  /** What the worker does, or how far it is, is another than it was. */
  work: [work: Work];
}

/** Where events are told and listened to, in the order in which listeners came: `events.emit(NAME, …)`, `events.on(NAME, listener)`. */
export type Events = EventEmitter<EventMap>;

/** One that nobody listens to yet. */
export function createEvents(): Events {
  return new EventEmitter<EventMap>();
}

/** Tells what became of a file. */
export function emitOutcome(events: Events, file: string, outcome: IngestOutcome): void {
  switch (outcome.kind) {
    case 'ingested': {
      const { kind, fileId, revision, late, retried, counts, rejects, healed, refusedWaiting, drift, warnings, ms } =
        outcome;
      const told = {
        kind,
        fileId,
        revision,
        late,
        retried,
        counts,
        rejects,
        healed,
        refusedWaiting,
        drift,
        warnings,
        ms,
      };
      events.emit('file:ingested', { file, ...told, newColumns: outcome.newExtra.length });
      return;
    }
    case 'quarantined':
      events.emit('file:quarantined', { file, ...outcome });
      return;
    case 'unchanged':
      events.emit('file:unchanged', { file, ...outcome });
      return;
    case 'changed':
      events.emit('file:changed', { file, ...outcome });
      return;
    case 'given_up':
      events.emit('file:given_up', { file, ...outcome });
      return;
    // It is the other daemon's to tell.
    case 'claimed':
    case 'taken':
      return;
  }
}
