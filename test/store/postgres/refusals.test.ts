import { expect, test } from 'vitest';
import { describePostgres } from '../../helpers/postgres.ts';
import { createRandom } from '../../helpers/random.ts';
import { procedure, visit } from '../../helpers/rows.ts';
import { type Desk, desksOn } from '../conformance/desk.ts';
import { postgres } from '../conformance/stores.ts';

const withTrigger = (body: string) => (sql: string) =>
  sql.includes('CREATE TABLE procedures')
    ? `${sql};
       CREATE FUNCTION judge() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${body} RETURN NEW; END $$;
       CREATE TRIGGER judge BEFORE INSERT OR UPDATE ON procedures FOR EACH ROW EXECUTE FUNCTION judge()`
    : sql;
const raises = withTrigger(`IF NEW.standard_charge_cents < 0 THEN RAISE 'secret %', NEW.description; END IF;`);
const raisesAs = (code: string) =>
  withTrigger(`IF NEW.standard_charge_cents < 0 THEN RAISE 'secret' USING ERRCODE = '${code}'; END IF;`);
const leavesOut = withTrigger('IF NEW.standard_charge_cents < 0 THEN RETURN NULL; END IF;');

const rejects = (desk: Desk) =>
  desk.column(`SELECT line || ' ' || code || ' ' || state || ' ' || row_key FROM rejects ORDER BY line`);
const cheap = (id: string, charge: string) => ({ ...procedure(id), StandardCharge: charge });

describePostgres('P7: PostgreSQL refuses only the rows that offend it', () => {
  const openDesk = desksOn(postgres);

  test.each([
    ['a trigger that raises', raises],
    ['a trigger that raises a code of the user’s own', raisesAs('UD001')],
    ['a trigger that raises the code that standard SQL has for it', raisesAs('45000')],
    ['a trigger that finds no row where it wants one', raisesAs('P0002')],
    ['a trigger that leaves rows out without a word', leavesOut],
  ])('for %s: rows that are new and rows that change', async (_, change) => {
    const desk = await openDesk({ change });
    await desk.deliver('Procedure', '20260801_060000', [procedure('P1'), procedure('P2')]);
    const rows = [procedure('P3'), cheap('P4', '-1.00'), cheap('P1', '-2.00'), procedure('P2'), procedure('P5')];
    const outcome = await desk.deliver('Procedure', '20260802_060000', rows);
    expect(outcome).toMatchObject({ counts: { read: 5, inserted: 2, unchanged: 1, rejected: 2 } });
    expect(await rejects(desk)).toEqual(['3 constraint rejected P4', '4 constraint rejected P1']);
    expect(await desk.column(`SELECT raw FROM rejects ORDER BY line`)).toEqual([
      'P4|C1||first|-1.00|',
      'P1|C1||first|-2.00|',
    ]);
    expect(await desk.column('SELECT count(*) FROM procedures WHERE standard_charge_cents IS NULL')).toEqual([4]);
    // P8: what the trigger says quotes the row.
    expect(await desk.column('SELECT DISTINCT reason FROM rejects')).toEqual([
      'the database refused it for a constraint of its own',
    ]);
  });

  test('for a column that is too narrow', async () => {
    const desk = await openDesk({
      change: (sql) => sql.replace('code_system           text', 'code_system varchar(3)'),
    });
    const rows = [
      { ...procedure('P1'), CodeSystem: 'CPT' },
      { ...procedure('P2'), CodeSystem: 'HCPCS' },
    ];
    expect(await desk.deliver('Procedure', '20260801_060000', rows)).toMatchObject({
      counts: { inserted: 1, rejected: 1 },
    });
    expect(await desk.deliver('Procedure', '20260802_060000', rows)).toMatchObject({
      counts: { unchanged: 1, rejected: 1 },
    });
  });

  test('for a text that is too long for an index on it', async () => {
    const desk = await openDesk({
      change: (sql) =>
        sql.includes('CREATE TABLE procedures') ? `${sql}; CREATE INDEX by_text ON procedures (description)` : sql,
    });
    const random = createRandom(1);
    const text = Array.from({ length: 10_000 }, () => String.fromCharCode(0x4e00 + random.below(0x2000))).join('');
    expect(await desk.deliver('Procedure', '20260801_060000', [procedure('P1'), procedure('P2', text)])).toMatchObject({
      counts: { inserted: 1, rejected: 1 },
    });
  });

  test('for a key that no index could hold, its own or its parent’s', async () => {
    const desk = await openDesk();
    const long = 'x'.repeat(2_001);
    expect(await desk.deliver('Procedure', '20260801_060000', [procedure('P1'), procedure(long)])).toMatchObject({
      counts: { inserted: 1, rejected: 1 },
    });
    expect(
      await desk.deliver('Visit', '20260801_060000', [visit('V1', 'P1'), visit('V2', long), visit(long, 'P9')]),
    ).toMatchObject({
      kind: 'quarantined',
    });
    expect(
      await desk.deliver('Visit', '20260802_060000', [visit('V1', 'P1'), visit('V3', long.slice(1))]),
    ).toMatchObject({
      counts: { inserted: 1, waiting: 1 },
    });
  });

  test('a foreign key is the last word: a parent that the feed does not know of is asked for, too', async () => {
    const desk = await openDesk({
      change: (sql) =>
        sql.includes('CREATE TABLE procedures')
          ? `CREATE TABLE systems (name text PRIMARY KEY); INSERT INTO systems VALUES ('CPT');
             ${sql.replace('code_system           text', 'code_system text REFERENCES systems DEFERRABLE INITIALLY DEFERRED')}`
          : sql,
    });
    const rows = [
      { ...procedure('P1'), CodeSystem: 'CPT' },
      { ...procedure('P2'), CodeSystem: 'other' },
    ];
    expect(await desk.deliver('Procedure', '20260801_060000', rows)).toMatchObject({
      counts: { inserted: 1, rejected: 1 },
    });
    expect(await rejects(desk)).toEqual(['3 constraint rejected P2']);
  });
});
