import fc from 'fast-check';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readFileName } from '../../src/feed/file-name.ts';
import { loadFeed } from '../../src/feed/load.ts';

const feed = loadFeed(join(import.meta.dirname, '../../feeds/visitpay'));
const read = (name: string): ReturnType<typeof readFileName> => readFileName(feed, name);
const PREFIX = 'HospitalABC_VisitPay_';

/** A name in short: what kind it is and, for a near miss, its code. */
function kindOf(name: string): string {
  const said = read(name);
  if (said.kind === 'taken') return `${said.dataset.name} ${said.stamp}${said.warning === null ? '' : ' warning'}`;
  return said.kind === 'near_miss' ? said.code : said.kind;
}

test.each([
  ['Visit_[20260801_060203].txt', 'Visit 2026-08-01T06:02:03Z'],
  ['Visit_20260801_060203.txt', 'Visit 2026-08-01T06:02:03Z'],
  ['Procedure_[19680201_000000].txt', 'Procedure 1968-02-01T00:00:00Z'],
  ['Transaction_[20240229_235959].txt', 'Transaction 2024-02-29T23:59:59Z'],
  ['Visit_[20260801].txt', 'Visit 2026-08-01T00:00:00Z warning'],
  ['Visit_20260801_06.txt', 'Visit 2026-08-01T06:00:00Z warning'],
  ['Visit_[20260801_0602].txt', 'Visit 2026-08-01T06:02:00Z warning'],
])('%s is taken', (rest, expected) => {
  expect(kindOf(PREFIX + rest)).toBe(expected);
});

test.each([
  [`${PREFIX}Visit_[20261332_000000].txt`, 'bad_stamp'],
  [`${PREFIX}Visit_[20260229_000000].txt`, 'bad_stamp'],
  [`${PREFIX}Visit_[20260801_240000].txt`, 'bad_stamp'],
  [`${PREFIX}Visit_[20260801_060060].txt`, 'bad_stamp'],
  [`${PREFIX}Visit_[00000101_000000].txt`, 'bad_stamp'],
  [`${PREFIX}Visit_[20260801_060].txt`, 'bad_stamp'],
  [`${PREFIX}Visit_[20260801060203].txt`, 'bad_stamp'],
  [`${PREFIX}Visit_2026-08-01.txt`, 'bad_stamp'],
  [`${PREFIX}Visit_٢٠٢٦٠٨٠١.txt`, 'bad_stamp'],
  [`${PREFIX}Visit_.txt`, 'bad_stamp'],
  [`${PREFIX}Visit.txt`, 'bad_stamp'],
  [`${PREFIX}Visit[20260801_060203].txt`, 'bad_stamp'],
  [`${PREFIX}Visit_[20260801_060203.txt`, 'bad_brackets'],
  [`${PREFIX}Visit_20260801_060203].txt`, 'bad_brackets'],
  [`${PREFIX}Visit_[[20260801_060203]].txt`, 'bad_brackets'],
  [`${PREFIX}Visit_(20260801_060203).txt`, 'bad_brackets'],
  [`${PREFIX}visit_[20260801_060203].txt`, 'bad_case'],
  [`${PREFIX}Visit_[20260801_060203].TXT`, 'bad_case'],
  [`${PREFIX.toLowerCase()}Visit_[20260801_060203].txt`, 'bad_case'],
  [`${PREFIX}visit_[20261332_000000].TXT`, 'bad_stamp'],
  [`${PREFIX}Visits_[20260801_060203].txt`, 'bad_dataset'],
  [`${PREFIX}[20260801_060203].txt`, 'bad_dataset'],
  [`${PREFIX}Payment_[20260801_060203].txt`, 'bad_dataset'],
  [`${PREFIX}Visit_[20260801_060203].csv`, 'bad_extension'],
  [`${PREFIX}Visit_[20260801_060203].txt.gz`, 'bad_extension'],
  [`${PREFIX}Visit_[20260801_060203].txt (1)`, 'bad_extension'],
  [`${PREFIX}Visit_[20260801_060203]`, 'bad_extension'],
  [`${PREFIX}Visit_[20260801_060203]_v2.txt`, 'bad_name'],
  [`${PREFIX}Visit_[20260801_060203] (1).txt`, 'bad_name'],
  [`Copy of ${PREFIX}Visit_[20260801_060203].txt`, 'bad_name'],
  ['HospitalABC-VisitPay-Visit-[20260801_060203].txt', 'bad_name'],
  ['HospitalABC_VistPay_Visit_[20260801_060203].txt', 'bad_name'],
  ['HosptialABC_VisitPay_20260801.txt', 'bad_name'],
  ['Visit_[20260801_060203].txt', 'bad_name'],
  ['HospitalABC_Visit_[20260801_060203].txt', 'bad_name'],
  ['VisitPay_Transaction_20260801_060203.txt', 'bad_name'],
  [`${PREFIX}Visit_[20260801_060203].txt\n`, 'bad_name'],
  [`${PREFIX}Visit_[20260801_060203]\u001b[2J.txt`, 'bad_name'],
  [`${PREFIX}Vis\uFFFDt_[20260801_060203].txt`, 'bad_name'],
  [`Hospital\nABC_VisitPay_Visit_[20260801_060203].txt`, 'bad_name'],
])('%j comes near', (name, code) => {
  expect(kindOf(name)).toBe(code);
});

test('a name without a dataset is told which there are in the feed, and what to do', () => {
  expect(read(`${PREFIX}Payment_[20260801_060203].txt`)).toEqual({
    kind: 'near_miss',
    code: 'bad_dataset',
    reason: `${PREFIX} must be followed by Procedure, Visit or Transaction; rename the file`,
  });
});

test('a near miss says everything that is wrong with it', () => {
  expect(read(`${PREFIX}visit_[20261332_000000].TXT`)).toEqual({
    kind: 'near_miss',
    code: 'bad_stamp',
    reason:
      'the extension is .txt in other capital letters; wrong capitals: expected Visit; the day of the time stamp does not exist',
  });
});

test.each([
  [`${PREFIX}Visit_[20260801_060203].txt.tmp`],
  [`${PREFIX}Visit_[20260801_060203].txt.PART`],
  [`${PREFIX}Visit_[20260801_060203].filepart`],
  [`.${PREFIX}Visit_[20260801_060203].txt`],
  [`.${PREFIX}Visit_[20260801_060203].txt.x7Gq2a`],
])('%s is an upload under way', (name) => {
  expect(kindOf(name)).toBe('partial');
});

test.each([
  [''],
  ['.'],
  ['.gitkeep'],
  ['README.txt'],
  ['notes.txt.tmp'],
  ['visits.xlsx'],
  ['HospitalABC_LabResults_Visit_[20260801_060203].txt'],
  ['HospitalXYZ_VisitPay_Visit_[20260801_060203].txt'],
  ['HospitalABC_VisitPayments_2026.txt'],
])('%j has nothing to do with the feed', (name) => {
  expect(kindOf(name)).toBe('foreign');
});

test('every real second is taken, with brackets and without, as the same stamp', () => {
  const seconds = fc.date({
    min: new Date('1000-01-01T00:00:00Z'),
    max: new Date('9999-12-31T23:59:59Z'),
    noInvalidDate: true,
  });
  fc.assert(
    fc.property(seconds, fc.constantFrom(...feed.datasets), (date, dataset) => {
      const stamp = `${date.toISOString().slice(0, 19)}Z`;
      const written = stamp.replaceAll(/[-:Z]/g, '').replace('T', '_');
      const expected = { kind: 'taken', dataset, stamp, warning: null };
      expect(read(`${PREFIX}${dataset.name}_[${written}].txt`)).toEqual(expected);
      expect(read(`${PREFIX}${dataset.name}_${written}.txt`)).toEqual(expected);
    }),
  );
});

test('whatever is done to a name, it is not taken for another stamp or dataset', () => {
  const name = `${PREFIX}Visit_[20260801_060203].txt`;
  const damage = fc.record({
    at: fc.nat(name.length),
    drop: fc.nat(2),
    put: fc.string({ maxLength: 2, unit: 'binary' }),
  });
  fc.assert(
    fc.property(damage, ({ at, drop, put }) => {
      const said = read(name.slice(0, at) + put + name.slice(at + drop));
      if (said.kind === 'taken') expect(said.dataset.name).toBe('Visit');
      if (said.kind === 'taken') expect(said.stamp).toMatch(/^\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-5]\dZ$/);
    }),
    { numRuns: 300 },
  );
});
