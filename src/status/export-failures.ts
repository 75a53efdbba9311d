import fs from 'node:fs';
import { z } from 'zod';
import type { Condition } from './condition.ts';

const failuresSchema = z.record(z.string(), z.object({ problem: z.string(), since: z.string() }));

/** Exports that failed and have not succeeded since, by where they go to. */
type Failures = z.output<typeof failuresSchema>;

/** Where it is kept, beside the heartbeat, whose place is given. Holds no row value (P8). */
function failuresFile(place: string): string {
  return `${place}.exports`;
}

/**
 * Notes how an export has ended, for the daemon to tell. Where nothing can be written there, only its exit code tells.
 * @param to where it goes to, as it may be shown
 * @param problem null: it succeeded
 */
export function noteExport(place: string, to: string, problem: string | null, now: Date): void {
  const before = readFailures(place);
  const { [to]: last, ...others } = before;
  if (problem === null && last === undefined) return;
  const after: Failures =
    problem === null ? others : { ...others, [to]: { problem, since: last?.since ?? now.toISOString() } };
  const file = failuresFile(place);
  try {
    if (Object.keys(after).length === 0) {
      fs.rmSync(file, { force: true });
      return;
    }
    fs.writeFileSync(`${file}.new`, `${JSON.stringify(after)}\n`, { mode: 0o660 });
    fs.renameSync(`${file}.new`, file);
  } catch {
    // Who exports may only read here.
  }
}

/** What is to be told of exports. */
export function exportConditions(place: string): readonly Condition[] {
  return Object.entries(readFailures(place)).map(([to, { problem, since }]) => ({
    ...{ id: `export:${to}`, kind: 'export', severity: 'error', dataset: null, file: null, period: null },
    ...{ text: `the export failed: ${problem}`, hint: 'run it again: it goes on from what is there', since },
  }));
}

function readFailures(place: string): Failures {
  try {
    const read = failuresSchema.safeParse(JSON.parse(fs.readFileSync(failuresFile(place), 'utf8')));
    return read.success ? read.data : {};
  } catch {
    return {};
  }
}
