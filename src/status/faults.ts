import os from 'node:os';
import type { Events } from '../model/events.ts';
import type { Fault } from '../model/work.ts';

/** What is wrong just now. The begin and the end of a fault are told once each, however often it is met in between (P7). */
export interface FaultBook {
  /** Notes a fault; one that is noted already stays as it began. */
  begin(fault: Omit<Fault, 'since'>): void;
  /** Notes that a fault is over; nothing happens where there was none. */
  end(kind: Fault['kind'], file?: string | null): void;
  /** Those that began first come first; of files, at most the first fifty and one line for the rest. */
  list(): Fault[];
}

/** So many faults of files are listed one by one: a folder whose mode is wrong has thousands. */
const MOST_FILES = 50;

/** The clocks drift apart by less than this while nobody sets one, in ms. */
const CLOCK_SET_MS = 2_000;

/** A fault, and when it began by both clocks, in ms. */
interface Begun {
  readonly fault: Omit<Fault, 'since'>;
  readonly uptime: number;
  wall: number;
}

/**
 * No fault so far.
 * @param events hears `fault:begin` and `fault:end`
 * @param uptime ms since the machine started, its sleep included: how old a fault is does not change with the wall clock
 */
export function createFaultBook(
  events: Events,
  now: () => Date,
  uptime: () => number = () => os.uptime() * 1000,
): FaultBook {
  const faults = new Map<string, Begun>();
  const keyOf = (kind: Fault['kind'], file: string | null): string => (file === null ? kind : `${kind} ${file}`);

  /** When the machine started, by the wall clock as it stands; asking for the uptime reads a file. */
  const startOfMachine = (): number => now().getTime() - uptime();

  function timed(begun: Begun, start: number): Fault {
    const wall = start + begun.uptime;
    if (Math.abs(wall - begun.wall) > CLOCK_SET_MS) begun.wall = wall;
    return { ...begun.fault, since: new Date(begun.wall).toISOString() };
  }

  return {
    begin(fault) {
      const key = keyOf(fault.kind, fault.file);
      if (faults.has(key)) return;
      const begun: Begun = { fault, uptime: uptime(), wall: now().getTime() };
      faults.set(key, begun);
      events.emit('fault:begin', timed(begun, startOfMachine()));
    },
    end(kind, file = null) {
      const key = keyOf(kind, file);
      const begun = faults.get(key);
      if (begun === undefined) return;
      faults.delete(key);
      events.emit('fault:end', timed(begun, startOfMachine()), Math.round((uptime() - begun.uptime) / 1000));
    },
    list() {
      // Asked for with every beat and look: nearly always there is none, and the clock need not be read.
      if (faults.size === 0) return [];
      const all = [...faults.values()];
      const ofFiles = all.filter(({ fault }) => fault.kind === 'file');
      const start = startOfMachine();
      const listed = (some: readonly Begun[]): Fault[] => some.map((begun) => timed(begun, start));
      const [next] = ofFiles.slice(MOST_FILES);
      if (next === undefined) return listed(all);
      const problem = `${ofFiles.length - MOST_FILES} more files, named in the log`;
      const others = all.filter(({ fault }) => fault.kind !== 'file');
      return [...listed([...others, ...ofFiles.slice(0, MOST_FILES)]), { ...timed(next, start), file: null, problem }];
    },
  };
}
