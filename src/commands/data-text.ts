import type { Row } from '../output/table.ts';
import type { ConditionKind } from '../status/condition.ts';
import type { DataStatus } from '../status/data-status.ts';

/** Whether the data is all in and in line, in a line. */
export function dataLine({ datasets, conditions }: DataStatus): string {
  const [first] = conditions;
  if (first === undefined) return datasets.length === 0 ? 'nothing needs anyone' : 'all that was expected is in';
  const kinds = Map.groupBy(conditions, ({ kind }) => wordFor(kind));
  const counts = [...kinds].map(([kind, some]) => `${some.length} ${kind}`);
  return `${counts.join(', ')}: ${first.text}${conditions.length > 1 ? ', …' : ''}`;
}

/** Kinds of conditions that `status` has lists of its own for. */
const LISTED: readonly ConditionKind[] = ['quarantined', 'held', 'unrecognised'];

/** What needs someone and stands in no other list of `status`: of which kind, and what there is to say of it. */
export function conditionRows(data: DataStatus): Row[] {
  const own = data.conditions.filter(({ kind }) => !LISTED.includes(kind));
  return own.map(({ kind, text }) => [wordFor(kind), text]);
}

/** Of each dataset that files are expected of: the newest period that is in, and when the next file is due. */
export function expectedRows({ datasets }: DataStatus): Row[] {
  return datasets.map(({ dataset, every, periods }) => {
    const last = periods.findLast(({ state }) => state === 'in' || state === 'late');
    const next = periods.find(({ state }) => state === 'due');
    return [dataset, every, last?.period ?? '', next === undefined ? '' : next.due_at.slice(0, 16).replace('T', ' ')];
  });
}

function wordFor(kind: ConditionKind): string {
  return kind === 'volume' ? 'out of line' : kind;
}
