import { describe, expect, test } from 'vitest';
import { readStatus } from '../../../src/store/sqlite/status-query.ts';
import { verifyDatabase } from '../../../src/store/sqlite/verify.ts';
import { feedWithTables } from '../../helpers/feed-folder.ts';
import { type Desk, openDesk } from '../../helpers/ingest.ts';
import { counts, procedure, transaction, visit } from '../../helpers/rows.ts';

/** A database whose tables have constraints of their own: `change` rewrites the tables' migration. */
function openStrictDesk(change: (tables: string) => string): Desk {
  return openDesk({ feed: feedWithTables(change) });
}

const withCheck = (tables: string) =>
  tables
    .replace('standard_charge_cents INTEGER', 'standard_charge_cents INTEGER CHECK (standard_charge_cents >= 0)')
    .replace('status             TEXT', "status TEXT CHECK (status <> 'bad')");
const withUnique = (tables: string) => `${tables};\nCREATE UNIQUE INDEX one_code ON procedures (procedure_code);`;
const withTrigger = (tables: string) => `${tables};
  CREATE TRIGGER no_cheap BEFORE INSERT ON procedures WHEN NEW.standard_charge_cents < 0 BEGIN SELECT RAISE(ABORT, 'too cheap'); END;
  CREATE TRIGGER no_cheaper BEFORE UPDATE ON procedures WHEN NEW.standard_charge_cents < 0 BEGIN SELECT RAISE(ABORT, 'too cheap'); END;`;

const rejects = (desk: Desk) =>
  desk.column(`SELECT line || ' ' || code || ' ' || state || ' ' || row_key FROM rejects ORDER BY line`);

function findings(desk: Desk): string[] {
  return [...verifyDatabase(desk.db, desk.feed)].flatMap((check) => check.findings);
}

describe('P7: a constraint of the database refuses only the rows that offend it', () => {
  test.each([
    ['a check', withCheck],
    ['a trigger', withTrigger],
  ])('%s, on rows that are new and rows that change', async (_, change) => {
    const desk = openStrictDesk(change);
    await desk.deliver('Procedure', '20260801_060000', [procedure('P1'), procedure('P2')]);
    const rows = [
      procedure('P3'),
      { ...procedure('P4'), StandardCharge: '-1.00' },
      { ...procedure('P1'), StandardCharge: '-2.00' },
      procedure('P2'),
      procedure('P5'),
    ];
    const outcome = await desk.deliver('Procedure', '20260802_060000', rows);
    expect(counts(outcome)).toEqual({ read: 5, inserted: 2, unchanged: 1, rejected: 2 });
    expect(outcome).toMatchObject({ rejects: [{ code: 'constraint', rows: 2, firstLines: [3, 4] }] });
    expect(rejects(desk)).toEqual(['3 constraint rejected P4', '4 constraint rejected P1']);
    expect(desk.column('SELECT raw FROM rejects ORDER BY line')).toEqual([
      'P4|C1||first|-1.00|',
      'P1|C1||first|-2.00|',
    ]);
    expect(desk.column('SELECT standard_charge_cents FROM procedures ORDER BY procedure_id')).toEqual([
      null,
      null,
      null,
      null,
    ]);
    expect(findings(desk)).toEqual([]);
  });

  test('P6: the first lines of a code, and the first rejects of a quarantined file, are first by line, whenever they are refused', async () => {
    const desk = openStrictDesk(withCheck);
    // The second row of a key is merged after the first ones of all others.
    const orphans = ['V1', 'V1', 'V2', 'V3', 'V4', 'V5'].map((id) => visit(id, 'P9'));
    const visits = [...orphans, { ...visit('V6', 'P9'), VisitDate: 'x' }];
    expect(await desk.deliver('Visit', '20260801_060000', visits)).toMatchObject({
      rejects: [
        { code: 'missing_parent', rows: 6, firstLines: [2, 3, 4, 5, 6] },
        { code: 'bad_date', rows: 1, firstLines: [8] },
      ],
    });
    expect(desk.column('SELECT reject_counts FROM files')).toEqual(['{"missing_parent":6,"bad_date":1}']);
    const dated = (at: number) => ({ ...procedure(`P${at}`), EffectiveDate: 'x' });
    const procedures = [
      { ...procedure('P1'), StandardCharge: '-1.00' },
      ...Array.from({ length: 120 }, (_, at) => dated(at)),
    ];
    expect(await desk.deliver('Procedure', '20260801_060000', procedures)).toMatchObject({ code: 'bad_rows' });
    expect(
      desk.column(`SELECT line FROM rejects WHERE state = 'rejected' AND dataset = 'Procedure' ORDER BY reject_id`),
    ).toEqual(Array.from({ length: 100 }, (_, at) => at + 2));
  });

  test('a unique index: the first of two rows is taken', async () => {
    const desk = openStrictDesk(withUnique);
    const rows = [procedure('P1'), procedure('P2'), { ...procedure('P3'), ProcedureCode: 'C3' }];
    expect(counts(await desk.deliver('Procedure', '20260801_060000', rows))).toEqual({
      read: 3,
      inserted: 2,
      rejected: 1,
    });
    expect(rejects(desk)).toEqual(['3 constraint rejected P2']);
  });

  test('P3: rows of one file that take each other’s value of a unique index are refused or go in, and the books are right', async () => {
    const desk = openStrictDesk(withUnique);
    const coded = (id: string, code: string) => ({ ...procedure(id), ProcedureCode: code });
    const codes = () => desk.column('SELECT procedure_id || procedure_code FROM procedures ORDER BY 1');
    await desk.deliver('Procedure', '20260801_060000', [coded('P1', 'A'), coded('P2', 'B'), coded('P3', 'C')]);
    const swapped = await desk.deliver('Procedure', '20260802_060000', [
      coded('P1', 'B'),
      coded('P2', 'A'),
      coded('P3', 'C'),
      coded('P5', 'E'),
    ]);
    expect(counts(swapped)).toEqual({ read: 4, unchanged: 1, inserted: 1, rejected: 2 });
    expect(codes()).toEqual(['P1A', 'P2B', 'P3C', 'P5E']);
    const freedFirst = [coded('P3', 'D'), coded('P2', 'C'), coded('P1', 'B'), coded('P4', 'A')];
    const moved = await desk.deliver('Procedure', '20260803_060000', freedFirst);
    expect([counts(moved), codes()]).toEqual([
      { read: 4, updated: 3, inserted: 1 },
      ['P1B', 'P2C', 'P3D', 'P4A', 'P5E'],
    ]);
    const same = await desk.deliver('Procedure', '20260804_060000', freedFirst);
    expect(counts(same)).toEqual({ read: 4, unchanged: 4 });
    expect(findings(desk)).toEqual([]);
  });

  test('orphans among them wait, each with its parents, and heal', async () => {
    const desk = openStrictDesk(withCheck);
    await desk.deliver('Procedure', '20260801_060000', [procedure('P1')]);
    const rows = [
      visit('V1', 'P8'),
      visit('V2', 'P1', { Status: 'bad' }),
      visit('V3', 'P1'),
      visit('V4', 'P9'),
      visit('V5', 'P1'),
      visit('V3', 'P1', { Status: 'good' }),
    ];
    const outcome = await desk.deliver('Visit', '20260801_060000', rows);
    expect(counts(outcome)).toEqual({ read: 6, inserted: 2, updated: 1, rejected: 1, waiting: 2 });
    expect(outcome).toMatchObject({
      rejects: expect.arrayContaining([{ code: 'missing_parent', rows: 2, firstLines: [2, 5] }]) as unknown,
    });
    expect(desk.column('SELECT parent_key FROM waiting_on ORDER BY 1')).toEqual(['P8', 'P9']);
    expect(await desk.deliver('Procedure', '20260802_060000', [procedure('P8'), procedure('P9')])).toMatchObject({
      healed: 2,
    });
    expect(desk.column('SELECT visit_id FROM visits ORDER BY 1')).toEqual(['V1', 'V3', 'V4', 'V5']);
    expect(findings(desk)).toEqual([]);
  });

  test('they count toward the limit of bad rows like any rejected row', async () => {
    const desk = openStrictDesk(withCheck);
    const bad = (id: string) => ({ ...procedure(id), StandardCharge: '-1.00' });
    expect(await desk.deliver('Procedure', '20260801_060000', [procedure('P1'), bad('P2'), bad('P3')])).toMatchObject({
      kind: 'quarantined',
      code: 'bad_rows',
    });
    expect(desk.column('SELECT count(*) FROM procedures')).toEqual([0]);
    expect(rejects(desk)).toEqual(['3 constraint rejected P2', '4 constraint rejected P3']);
  });

  test('P8: no value of the row is told, neither by the constraint nor by us', async () => {
    const desk = openStrictDesk((tables) =>
      withTrigger(tables).replaceAll("'too cheap'", "'secret ' || NEW.description"),
    );
    const outcome = await desk.deliver('Procedure', '20260801_060000', [
      procedure('P1'),
      { ...procedure('P2', 'ZQX'), StandardCharge: '-1.00' },
    ]);
    expect(counts(outcome)).toEqual({ read: 2, inserted: 1, rejected: 1 });
    expect(JSON.stringify(outcome)).not.toContain('ZQX');
    expect(desk.column('SELECT reason FROM rejects')).toEqual(['the database refused it for a constraint of its own']);
  });
});

describe('P7: a row on which an expression of the user’s fails costs that row only', () => {
  const EXPRESSIONS: readonly (readonly [string, string])[] = [
    ['an index', `CREATE INDEX theirs ON visits (json_extract(status, '$'))`],
    [
      'a generated column',
      `ALTER TABLE visits ADD COLUMN theirs AS (json_extract(status, '$')); CREATE INDEX of_theirs ON visits (theirs)`,
    ],
    ['a partial index', `CREATE INDEX theirs ON visits (facility) WHERE json_extract(status, '$') > 0`],
    [
      'a trigger',
      `CREATE TABLE theirs (a);
       CREATE TRIGGER new AFTER INSERT ON visits BEGIN INSERT INTO theirs VALUES (json_extract(NEW.status, '$')); END;
       CREATE TRIGGER changed BEFORE UPDATE ON visits BEGIN INSERT INTO theirs VALUES (json_extract(NEW.status, '$')); END`,
    ],
    [
      'a number too large',
      `CREATE INDEX theirs ON visits (abs(CASE status WHEN 'bad' THEN -9223372036854775807 - 1 END))`,
    ],
    ['a text too large', `CREATE INDEX theirs ON visits (length(zeroblob(CASE status WHEN 'bad' THEN 9e9 END)))`],
  ];

  test.each(EXPRESSIONS)('%s', async (_, sql) => {
    const desk = openStrictDesk((tables) => `${tables};\n${sql};`);
    const rows = (...statuses: string[]) => statuses.map((status, at) => visit(`V${at}`, 'P1', { Status: status }));
    await desk.deliver('Procedure', '20260801_060000', [procedure('P1')]);
    const first = await desk.deliver('Visit', '20260801_060000', rows('1', 'bad', '2'));
    expect(counts(first)).toEqual({ read: 3, inserted: 2, rejected: 1 });
    const second = await desk.deliver('Visit', '20260802_060000', rows('bad', '3', '4', '5'));
    expect(counts(second)).toEqual({ read: 4, inserted: 2, updated: 1, rejected: 1 });
    const waiting = ['bad', '6'].map((status, at) => visit(`W${at}`, 'P2', { Status: status }));
    expect(counts(await desk.deliver('Visit', '20260803_060000', waiting))).toEqual({ read: 2, waiting: 2 });
    const healed = await desk.deliver('Procedure', '20260804_060000', [procedure('P2')]);
    expect(healed).toMatchObject({ kind: 'ingested', healed: 1, refusedWaiting: 1 });
    expect(desk.column(`SELECT row_key || code FROM rejects WHERE state = 'rejected'`)).toEqual([
      'V1constraint',
      'V0constraint',
      'W0constraint',
    ]);
    expect(desk.column('SELECT status FROM visits ORDER BY visit_id')).toEqual(['1', '3', '4', '5', '6']);
    expect(findings(desk)).toEqual([]);
  });

  test('but a trigger whose table is gone is no row’s fault: none is refused', async () => {
    const desk = openStrictDesk(
      (tables) => `${tables};
        CREATE TABLE theirs (a); CREATE TRIGGER new AFTER INSERT ON visits BEGIN INSERT INTO theirs VALUES (1); END;`,
    );
    await desk.deliver('Visit', '20260801_060000', [visit('V1', 'P1')]);
    desk.db.exec('DROP TABLE theirs');
    const rows = [procedure('P1')];
    await expect(desk.deliver('Procedure', '20260801_060000', rows)).rejects.toThrow('no such table: main.theirs');
    expect(desk.column('SELECT state FROM rejects')).toEqual(['waiting']);
    desk.db.exec('CREATE TABLE theirs (a)');
    expect(await desk.deliver('Procedure', '20260801_060000', rows)).toMatchObject({ kind: 'ingested', healed: 1 });
  });
});

describe('P7: a waiting row that the database refuses when it would heal', () => {
  /** Among orphans: the statement that meets it asks for parents first. */
  const rows = [visit('V1', 'P1'), visit('V2', 'P1', { Status: 'bad' }), visit('V3', 'P1')];

  test('does not stop the file that brings its parent, nor the rows that wait beside it', async () => {
    const desk = openStrictDesk(withCheck);
    expect(await desk.deliver('Visit', '20260801_060000', rows)).toMatchObject({ kind: 'ingested' });
    expect(await desk.deliver('Procedure', '20260802_060000', [procedure('P1')])).toMatchObject({
      kind: 'ingested',
      healed: 2,
      refusedWaiting: 1,
    });
    expect(desk.column('SELECT visit_id FROM visits ORDER BY 1')).toEqual(['V1', 'V3']);
    expect(findings(desk)).toEqual([]);
    const { datasets } = readStatus(desk.db, desk.feed, 0);
    expect(datasets.find((dataset) => dataset.name === 'Visit')).toMatchObject({ rows_rejected: 1, rows_waiting: 0 });
  });

  test('rule 5: an older version that waits for the same parent has its turn when the newest is refused', async () => {
    const desk = openStrictDesk(withCheck);
    const versions = [
      visit('V1', 'P1', { Status: 'first' }),
      visit('V1', 'P1', { Status: 'second' }),
      visit('V1', 'P1', { Status: 'bad' }),
    ];
    for (const [at, version] of versions.entries())
      await desk.deliver('Visit', `2026080${at + 1}_060000`, [visit(`W${at}`, 'P1'), version]);
    expect(await desk.deliver('Procedure', '20260804_060000', [procedure('P1')])).toMatchObject({
      kind: 'ingested',
      healed: 4,
    });
    expect(desk.column(`SELECT status FROM visits WHERE visit_id = 'V1'`)).toEqual(['second']);
    expect(desk.column(`SELECT code || ' ' || state FROM rejects WHERE row_key = 'V1' ORDER BY reject_id`)).toEqual([
      'missing_parent superseded',
      'missing_parent healed',
      'constraint rejected',
    ]);
    expect(desk.column('SELECT count(*) FROM waiting_on')).toEqual([0]);
    expect(findings(desk)).toEqual([]);
  });

  test('its raw text, line and offset stay, and what waits for it goes on waiting', async () => {
    const desk = openStrictDesk(withCheck);
    await desk.deliver('Transaction', '20260801_060000', [transaction('T1', 'V2'), transaction('T2', 'V1')]);
    await desk.deliver('Visit', '20260801_060000', rows);
    expect(await desk.deliver('Procedure', '20260802_060000', [procedure('P1')])).toMatchObject({
      kind: 'ingested',
      healed: 3,
    });
    expect(desk.rows(`SELECT line, reason, settled_by_file_id FROM rejects WHERE code = 'constraint'`)).toEqual([
      { line: 3, reason: 'the database refused it for a constraint of its own', settled_by_file_id: 3 },
    ]);
    expect(desk.column(`SELECT raw FROM rejects WHERE code = 'constraint'`)).toEqual([
      expect.stringMatching(/^V2\|P1\|.*\|bad$/),
    ]);
    expect(desk.rows('SELECT parent_table, parent_key FROM waiting_on')).toEqual([
      { parent_table: 'visits', parent_key: 'V2' },
    ]);
    expect(findings(desk)).toEqual([]);
  });

  test('a unique index that only the healing meets: one row heals, the file of the parent goes in', async () => {
    const desk = openStrictDesk(
      (tables) => `${tables};\nCREATE UNIQUE INDEX one_payer ON transactions (visit_id, payer);`,
    );
    await desk.deliver('Transaction', '20260801_060000', [
      transaction('T1', 'V1', { Payer: 'x' }),
      transaction('T2', 'V1', { Payer: 'x' }),
    ]);
    await desk.deliver('Procedure', '20260801_060000', [procedure('P1')]);
    expect(await desk.deliver('Visit', '20260801_060000', [visit('V1', 'P1')])).toMatchObject({
      kind: 'ingested',
      healed: 1,
    });
    expect(findings(desk)).toEqual([]);
  });
});

test('P2 P4: a row that breaks a constraint and lacks its parent waits, whatever was ingested before', async () => {
  const results = await Promise.all(
    [false, true].map(async (orphanBefore) => {
      const desk = openStrictDesk(withCheck);
      const first = orphanBefore ? [visit('V0', 'P9')] : [visit('V0', 'P1')];
      await desk.deliver('Procedure', '20260801_060000', [procedure('P1')]);
      await desk.deliver('Visit', '20260801_070000', first);
      const rows = [visit('V1', 'P8', { Status: 'bad' }), visit('V2', 'P8', { Status: 'bad' }), visit('V3', 'P1')];
      return counts(await desk.deliver('Visit', '20260801_080000', rows));
    }),
  );
  expect(results).toEqual([
    { read: 3, inserted: 1, waiting: 2 },
    { read: 3, inserted: 1, waiting: 2 },
  ]);
});

test.each(['REPLACE', 'FAIL', 'ROLLBACK', 'IGNORE'])(
  'P3 P4: a conflict clause of the table (%s) does not decide instead of the merge',
  async (clause) => {
    const desk = openStrictDesk((tables) =>
      tables.replace('PRIMARY KEY NOT NULL', `PRIMARY KEY ON CONFLICT ${clause} NOT NULL`),
    );
    await desk.deliver('Procedure', '20260802_060000', [procedure('P1', 'newer'), procedure('P2')]);
    const late = await desk.deliver('Procedure', '20260801_060000', [procedure('P1', 'older'), procedure('P3')]);
    expect(counts(late)).toEqual({ read: 2, inserted: 1, stale: 1 });
    expect(desk.column('SELECT description FROM procedures ORDER BY procedure_id')).toContain('newer');
    expect(findings(desk)).toEqual([]);
  },
);
