import { describe, expect, test } from 'vitest';
import {
  compareVersions,
  endState,
  replay,
  type Counts,
  type Delivery,
  type EndState,
  type Outcome,
} from './oracle.ts';

// Hand-worked cases for a three-step feed: a ← b ← c, and c may refer to a as well.
const TABLES = ['a', 'b', 'c'];

/** A delivery from lines such as `k1 = v1` or `k1 > p1 = v1` (refers to p1 of the table before) or `!` (a bad row). */
function delivery(table: string, stamp: string, lines: readonly string[], options: Partial<Delivery> = {}): Delivery {
  const rows = lines.map((line, at): Delivery['rows'][number] => {
    if (line === '!') return { kind: 'bad', line: at + 2 };
    const [left = '', value = ''] = line.split(' = ');
    const [key = '', ...parents] = left.split(' > ');
    const references = parents.map((parent) => {
      const [parentTable = '', parentKey = ''] = parent.split('.');
      return { table: parentTable, key: parentKey };
    });
    return { kind: 'good', line: at + 2, key, references, values: [key, ...parents, value] };
  });
  return { name: `${table}_${stamp}`, stamp, table, content: lines.join('\n'), rows, ...options };
}

/** The values of a table as `key = value`. */
function values(state: Pick<EndState, 'tables'>, table: string): string[] {
  return [...(state.tables.get(table)?.values() ?? [])]
    .map((row) => `${row.key} = ${String(row.values.at(-1))}`)
    .sort();
}

/** The waiting rows as `name:revision:line`. */
function waiting(state: EndState): string[] {
  return state.waiting.map((row) => `${row.name}:${row.revision}:${row.line}`);
}

const NONE: Counts = { read: 0, inserted: 0, updated: 0, unchanged: 0, stale: 0, rejected: 0, waiting: 0 };
const ingested = (outcome: Outcome | undefined): Partial<Counts> => {
  if (outcome?.kind !== 'ingested') throw new Error('not ingested');
  const { counts } = outcome;
  expect(counts.read).toBe(
    counts.inserted + counts.updated + counts.unchanged + counts.stale + counts.rejected + counts.waiting,
  );
  return Object.fromEntries(Object.entries(counts).filter(([name, count]) => name !== 'read' && count > 0));
};

describe('the order of versions', () => {
  test.each([
    ['stamp first', { stamp: '1', name: 'z', revision: 9, line: 9 }, { stamp: '2', name: 'a', revision: 1, line: 1 }],
    ['then the name', { stamp: '1', name: 'a', revision: 9, line: 9 }, { stamp: '1', name: 'b', revision: 1, line: 1 }],
    [
      'by bytes',
      { stamp: '1', name: 'x_1.txt', revision: 1, line: 1 },
      { stamp: '1', name: 'x_[1].txt', revision: 1, line: 1 },
    ],
    [
      'not by UTF-16',
      { stamp: '1', name: '\uFFFD', revision: 1, line: 1 },
      { stamp: '1', name: '\u{1F600}', revision: 1, line: 1 },
    ],
    [
      'then the revision',
      { stamp: '1', name: 'a', revision: 2, line: 9 },
      { stamp: '1', name: 'a', revision: 10, line: 1 },
    ],
    [
      'then the line',
      { stamp: '1', name: 'a', revision: 1, line: 9 },
      { stamp: '1', name: 'a', revision: 1, line: 10 },
    ],
  ])('%s', (_, older, newer) => {
    expect(compareVersions(older, newer)).toBeLessThan(0);
    expect(compareVersions(newer, older)).toBeGreaterThan(0);
    expect(compareVersions(newer, newer)).toBe(0);
  });
});

describe('counts, singly in line order', () => {
  test('inserted, updated, unchanged within one file', () => {
    const { outcomes, tables } = replay([delivery('a', '1', ['k = x', 'k = x', 'k = y', 'l = z', '!'])], TABLES);
    expect(ingested(outcomes[0])).toEqual({ inserted: 2, unchanged: 1, updated: 1, rejected: 1 });
    expect(values({ tables }, 'a')).toEqual(['k = y', 'l = z']);
  });

  test('rule 1: A, B, A makes three revisions and ends as A; a correction retracts nothing it omits', () => {
    const first = delivery('a', '1', ['k = x', 'l = x']);
    const second = delivery('a', '1', ['k = y']);
    const { outcomes, tables } = replay([first, second, first], TABLES);
    expect(outcomes.map((outcome) => (outcome.kind === 'ingested' ? outcome.revision : 0))).toEqual([1, 2, 3]);
    expect(outcomes.map(ingested)).toEqual([{ inserted: 2 }, { updated: 1 }, { updated: 1, unchanged: 1 }]);
    expect(values({ tables }, 'a')).toEqual(['k = x', 'l = x']);
  });

  test('rule 1: a revision is newer than the one before, also where a row moved up', () => {
    const { outcomes } = replay([delivery('a', '1', ['x = 1', 'k = x']), delivery('a', '1', ['k = y'])], TABLES);
    expect(ingested(outcomes[1])).toEqual({ updated: 1 });
  });

  test('rule 2: the same bytes again are a no-op; under a new name they are a new statement', () => {
    const first = delivery('a', '1', ['k = x']);
    const { outcomes } = replay([first, first, { ...first, name: 'other' }], TABLES);
    expect(outcomes[1]).toEqual({ kind: 'unchanged' });
    expect(ingested(outcomes[2])).toEqual({ unchanged: 1 });
  });

  test('rule 3: stale comes before the foreign key', () => {
    const { outcomes } = replay(
      [delivery('a', '1', ['p = x']), delivery('b', '5', ['k > a.p = new']), delivery('b', '3', ['k > a.gone = old'])],
      TABLES,
    );
    expect(ingested(outcomes[2])).toEqual({ stale: 1 });
  });

  test('rule 3: an unchanged row takes the newer place, so that a late file in between is stale', () => {
    const { outcomes, tables } = replay(
      [delivery('a', '1', ['k = x']), delivery('a', '5', ['k = x']), delivery('a', '3', ['k = late'])],
      TABLES,
    );
    expect(outcomes.map(ingested)).toEqual([{ inserted: 1 }, { unchanged: 1 }, { stale: 1 }]);
    expect(outcomes[2]).toMatchObject({ late: true });
    expect(tables.get('a')?.get('k')?.stamp).toBe('5');
  });

  test('rule 4: a newer waiting version does not supersede an older one that can be admitted', () => {
    const { outcomes, waiters, tables } = replay(
      [delivery('b', '1', ['k > a.p = old']), delivery('b', '2', ['k > a.never = new']), delivery('a', '3', ['p = x'])],
      TABLES,
    );
    expect(outcomes[2]).toMatchObject({ healed: 1 });
    expect(waiters.map((waiter) => [waiter.state, waiter.healedAs])).toEqual([
      ['healed', 'inserted'],
      ['waiting', null],
    ]);
    expect(values({ tables }, 'b')).toEqual(['k = old']);
  });

  test('rule 4: of versions that become admissible together the newest heals', () => {
    const { waiters, outcomes } = replay(
      [delivery('b', '1', ['k > a.p = 1', 'k > a.q = 2', 'k > a.p = 3']), delivery('a', '2', ['q = x', 'p = x'])],
      TABLES,
    );
    expect(ingested(outcomes[0])).toEqual({ waiting: 3 });
    expect(waiters.map((waiter) => waiter.state)).toEqual(['superseded', 'superseded', 'healed']);
  });

  test('rule 4: an admitted row supersedes older waiting ones, also of its own file, not newer ones', () => {
    const { outcomes, waiters } = replay(
      [
        delivery('a', '1', ['p = x']),
        delivery('b', '9', ['k > a.gone = 9']),
        delivery('b', '3', ['k > a.gone = 3', 'k > a.p = 4']),
      ],
      TABLES,
    );
    expect(ingested(outcomes[2])).toEqual({ waiting: 1, inserted: 1 });
    expect(waiters.map((waiter) => waiter.state)).toEqual(['waiting', 'superseded']);
  });

  test('P5: healing goes on to what waited for the healed row, in the same commit', () => {
    const { outcomes, tables } = replay(
      [
        delivery('c', '1', ['t > b.v > a.p = x', 'u > a.q > b.v = y']),
        delivery('b', '2', ['v > a.p = x']),
        delivery('a', '3', ['p = x']),
        delivery('a', '4', ['q = x']),
      ],
      TABLES,
    );
    expect(outcomes.map((outcome) => (outcome.kind === 'ingested' ? outcome.healed : -1))).toEqual([0, 0, 2, 1]);
    expect(tables.get('c')?.size).toBe(2);
  });

  test('a healed newer version updates the row', () => {
    const { waiters, outcomes, tables } = replay(
      [
        delivery('a', '1', ['p = x']),
        delivery('b', '2', ['k > a.p = old']),
        delivery('b', '3', ['k > a.q = new']),
        delivery('a', '4', ['q = x']),
      ],
      TABLES,
    );
    expect(ingested(outcomes[2])).toEqual({ waiting: 1 });
    expect(waiters).toMatchObject([{ state: 'healed', healedAs: 'updated' }]);
    expect(values({ tables }, 'b')).toEqual(['k = new']);
  });

  test('rule 7: more than the share of bad rows quarantines the file, waiting rows do not count', () => {
    const { outcomes, statements } = replay(
      [
        delivery('b', '1', ['!', 'k > a.p = x']),
        delivery('b', '2', ['!', '!', 'k > a.p = x']),
        delivery('b', '2', ['k > a.p = x', 'l > a.p = x', 'm > a.p = x']),
      ],
      TABLES,
    );
    expect(ingested(outcomes[0])).toEqual({ rejected: 1, waiting: 1 });
    expect(outcomes[1]).toEqual({ kind: 'quarantined', revision: 1 });
    expect(outcomes[2]).toMatchObject({ revision: 2, counts: { ...NONE, read: 3, waiting: 3 } });
    expect(statements).toHaveLength(4);
  });

  test('rule 9: a retry is a new revision of the same bytes', () => {
    const first = delivery('a', '1', ['k = x']);
    const { outcomes } = replay([first, { ...first, afresh: true }, first], TABLES);
    expect(outcomes[1]).toMatchObject({ revision: 2, counts: { ...NONE, read: 1, unchanged: 1 } });
    expect(outcomes[2]).toEqual({ kind: 'unchanged' });
  });
});

describe('the end state in closed form', () => {
  const end = (...deliveries: Delivery[]): EndState => endState(replay(deliveries, TABLES).statements);

  test('rule 5: the newest version whose references exist, whatever the road', () => {
    const state = end(
      delivery('b', '3', ['k > a.never = 3']),
      delivery('b', '1', ['k > a.p = 1']),
      delivery('b', '2', ['k > a.q = 2']),
      delivery('a', '9', ['p = x', 'q = x']),
    );
    expect(values(state, 'b')).toEqual(['k = 2']);
    expect(waiting(state)).toEqual(['b_3:1:2']);
  });

  test('a parent that only waits does not count as there', () => {
    const state = end(delivery('b', '1', ['v > a.never = x']), delivery('c', '1', ['t > b.v = x']));
    expect([...state.tables.keys()]).toEqual([]);
    expect(waiting(state)).toEqual(['b_1:1:2', 'c_1:1:2']);
  });

  test('a parent exists by any of its versions, also an older one', () => {
    const state = end(
      delivery('a', '1', ['p = x']),
      delivery('b', '1', ['v > a.p = old']),
      delivery('b', '2', ['v > a.never = new']),
      delivery('c', '1', ['t > b.v = x']),
    );
    expect(values(state, 'c')).toEqual(['t = x']);
    expect(waiting(state)).toEqual(['b_2:1:2']);
  });

  test('waiting rows of a replaced revision stay waiting', () => {
    const state = end(
      delivery('b', '1', ['k > a.never = x', 'l > a.never = x']),
      delivery('b', '1', ['k > a.never = y']),
    );
    expect(waiting(state)).toEqual(['b_1:1:2', 'b_1:1:3', 'b_1:2:2']);
  });

  test('equal stamps: the name decides, with and without brackets', () => {
    const plain = delivery('a', '1', ['k = plain'], { name: 'x_1.txt' });
    const bracketed = delivery('a', '1', ['k = bracketed'], { name: 'x_[1].txt' });
    expect(values(end(plain, bracketed), 'a')).toEqual(['k = bracketed']);
    expect(values(end(bracketed, plain), 'a')).toEqual(['k = bracketed']);
  });
});
