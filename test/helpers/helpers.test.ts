import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createBilling, LEAK } from './billing.ts';
import { COLUMNS, feedFileName, feedFileText, writeFeedFile } from './feed-files.ts';
import { watchForLeaks } from './leak.ts';
import { createRandom } from './random.ts';
import { tempFolder } from './temp.ts';

test('a temporary folder is gone once it is over', () => {
  let cleanUp = (): void => {
    throw new Error('not registered');
  };
  const path = tempFolder((registered) => (cleanUp = registered));
  expect(existsSync(path)).toBe(true);
  cleanUp();
  expect(existsSync(path)).toBe(false);
});

test('P8: a value from a row in a log fails the test, without being told', () => {
  const check = (text: string): (() => void) => {
    let registered = (): void => undefined;
    watchForLeaks(
      () => text,
      (one) => (registered = one),
    );
    return registered;
  };
  const name = createBilling(1).visit({})['PatientName'] ?? '';
  expect(check('{"file":"x.txt","rows":3}')).not.toThrow();
  expect(check(`{"err":"bad ${name}"}`)).toThrow(/where a value from a row was logged/);
  expect(check(`{"err":"bad ${name}"}`)).not.toThrow(name);
});

test('a feed file is named and written as the feed documents it', () => {
  const { name, path } = writeFeedFile(tempFolder(), 'Procedure', new Date('2025-06-01T06:02:03Z'), [
    { ProcedureID: '007', ProcedureCode: 'a|b', Description: 'say "x"' },
    'cut|short',
  ]);
  expect(name).toBe('HospitalABC_VisitPay_Procedure_[20250601_060203].txt');
  expect(readFileSync(path, 'utf8')).toBe(`${COLUMNS.Procedure.join('|')}\n007|"a|b"||"say ""x"""||\ncut|short\n`);
  expect(feedFileName('Visit', '20250601', { brackets: false })).toBe('HospitalABC_VisitPay_Visit_20250601.txt');
  expect(feedFileText('Visit', [], { bom: true, newline: '\r\n', columns: ['VisitID'] })).toBe('\uFEFFVisitID\r\n');
});

test('billing rows repeat for a seed, and each bears the marker', () => {
  const make = (seed: number): readonly Record<string, string>[] => {
    const billing = createBilling(seed);
    const procedure = billing.procedure();
    const visit = billing.visit(procedure);
    return [procedure, visit, billing.transaction(visit)];
  };
  expect(make(7)).toEqual(make(7));
  expect(make(7)).not.toEqual(make(8));
  const marked = [
    'ProcedureID',
    'VisitID',
    'PatientID',
    'PatientName',
    'DateOfBirth',
    'PatientPhone',
    'PatientAddress',
  ];
  for (const row of make(7)) {
    for (const column of marked) if (column in row) expect(row[column]).toMatch(LEAK);
  }
  expect('2025-06-01T06:00:00Z ingested 1907 rows').not.toMatch(LEAK);
});

test('random choices are even enough and repeat', () => {
  const random = createRandom(1);
  const drawn = Array.from({ length: 6000 }, () => random.below(6));
  for (let face = 0; face < 6; face += 1) expect(drawn.filter((value) => value === face).length).toBeGreaterThan(850);
  expect(createRandom(3).shuffle([1, 2, 3, 4, 5])).toEqual(createRandom(3).shuffle([1, 2, 3, 4, 5]));
});
