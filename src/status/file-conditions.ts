import { ACCEPTABLE_CODES } from '../model/codes.ts';
import type { Delivery } from '../store/reader.ts';
import type { Condition } from './condition.ts';

/** So many files of a kind are told one by one, the first first; of the rest their number: a wrong feed refuses thousands. */
const MOST_FILES = 50;

/**
 * What of files needs someone: those that were refused or are held, of whatever age, and of late those loaded with many rejected rows
 * out of line in their number of rows, or doubtful by a check.
 * @param rejectedShare above this share of rejected rows
 * @param recent from then on
 */
export function fileConditions(deliveries: readonly Delivery[], rejectedShare: number, recent: Date): Condition[] {
  const all = deliveries.flatMap((file) => {
    if (file.state !== 'ingested') return refused(file);
    if (Date.parse(file.finished_at) < recent.getTime()) return [];
    return [...tooManyRejected(file, rejectedShare), ...outOfLine(file), ...findings(file)];
  });
  return [...Map.groupBy(all, ({ kind }) => kind).values()].flatMap(atMost);
}

/** What is said of many files of a kind, where it is not the kind itself. */
const MANY: Partial<Record<Condition['kind'], string>> = { volume: 'out of line', check: 'doubtful by a check' };

function atMost(some: readonly Condition[]): readonly Condition[] {
  const [next] = some.slice(MOST_FILES);
  if (next === undefined) return some;
  const { kind } = next;
  const text = `${some.length - MOST_FILES} more files are ${MANY[kind] ?? kind}`;
  const rest = { ...next, id: `${kind}:more`, dataset: null, file: null, text, hint: 'landfall files names them' };
  return [...some.slice(0, MOST_FILES), rest];
}

function about(kind: Condition['kind'], file: Delivery): Omit<Condition, 'severity' | 'text' | 'hint'> {
  const { name, revision, dataset, finished_at } = file;
  return { id: `${kind}:${name}:${revision}`, kind, dataset, file: name, period: null, since: finished_at };
}

function refused(file: Delivery): Condition[] {
  const { name, revision, state, reason_code, reason } = file;
  const why = `${reason_code ?? ''}: ${reason ?? ''}`;
  if (state === 'unrecognised') {
    const hint = 'rename it in the landing folder, or take it away';
    return [
      { ...about('unrecognised', file), severity: 'warning', text: `the name ${name} is not taken: ${why}`, hint },
    ];
  }
  const canBeAccepted = ACCEPTABLE_CODES.some((code) => code === reason_code);
  const isHeld = revision === 0 || canBeAccepted;
  if (isHeld) {
    const hint = canBeAccepted ? `ask the sender; "landfall accept" lets it in as it is` : null;
    return [{ ...about('held', file), severity: 'warning', text: `${name} is held: ${why}`, hint }];
  }
  const hint = 'ask the sender for it again, under the same name';
  return [{ ...about('quarantined', file), severity: 'error', text: `${name} is quarantined: ${why}`, hint }];
}

function tooManyRejected(file: Delivery, share: number): Condition[] {
  const { name, rows_read, rows_rejected } = file;
  if (rows_rejected === 0 || rows_rejected <= rows_read * share) return [];
  const percent = Math.max(1, Math.round((rows_rejected * 100) / rows_read));
  const text = `${rows_rejected} of the ${rows_read} rows of ${name} were rejected (${percent} %)`;
  return [{ ...about('rejected', file), severity: 'warning', text, hint: 'ask the sender for a corrected file' }];
}

function outOfLine(file: Delivery): Condition[] {
  const volume = file.warnings?.volume;
  if (volume === undefined || file.accepted.includes('volume')) return [];
  const text = `${file.name} was loaded with a number of rows out of line: ${volume.note ?? ''}`;
  const hint = 'ask the sender; a correction under the same name ends this, as does "landfall accept"';
  return [{ ...about('volume', file), severity: 'warning', text, hint }];
}

/** What checks have found in a file, or could not find out. */
function findings(file: Delivery): Condition[] {
  const told = (['check', 'check_failed'] as const).filter(
    (code) => file.warnings?.[code] !== undefined && !file.accepted.includes(code),
  );
  if (told.length === 0) return [];
  const notes = told.map((code) => file.warnings?.[code]?.note ?? code).join('; ');
  const hint = 'look into these rows; a correction under the same name ends this, as does "landfall accept"';
  return [{ ...about('check', file), severity: 'warning', text: `checks of ${file.name}: ${notes}`, hint }];
}
