import type { Logger } from '../log.ts';
import type { Fault } from './alive.ts';

/** What is wrong just now. The begin and the end of a fault are logged once each, however often it is met in between (P7). */
export interface FaultBook {
  /** Notes a fault; one that is noted already stays as it began. */
  begin(fault: Omit<Fault, 'since'>): void;
  /** Notes that a fault is over; nothing happens where there was none. */
  end(kind: Fault['kind'], file?: string | null): void;
  list(): Fault[];
}

/** @param onChange called when a fault begins or ends */
export function createFaultBook(logger: Logger, now: () => Date, onChange: () => void): FaultBook {
  const faults = new Map<string, Fault>();
  const keyOf = (kind: Fault['kind'], file: string | null): string => (file === null ? kind : `${kind} ${file}`);

  return {
    begin(fault) {
      const key = keyOf(fault.kind, fault.file);
      if (faults.has(key)) return;
      faults.set(key, { ...fault, since: now().toISOString() });
      logger.warn({ fault: fault.kind, ...(fault.file === null ? {} : { file: fault.file }) }, fault.problem);
      onChange();
    },
    end(kind, file = null) {
      const key = keyOf(kind, file);
      const fault = faults.get(key);
      if (fault === undefined) return;
      faults.delete(key);
      const seconds = Math.round((now().getTime() - Date.parse(fault.since)) / 1000);
      logger.info({ fault: kind, ...(file === null ? {} : { file }), seconds }, `over: ${fault.problem}`);
      onChange();
    },
    list: () => [...faults.values()],
  };
}
