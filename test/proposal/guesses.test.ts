import { describe, expect, test } from 'vitest';
import { ANY_FORMAT } from '../../src/model/feed.ts';
import { guessNames } from '../../src/proposal/file-names.ts';
import { guessKey, guessReferences, type GuessedColumns } from '../../src/proposal/guess-keys.ts';
import { guessType } from '../../src/proposal/guess-type.ts';
import { distinct, plural, singular, toIdentifier } from '../../src/proposal/names.ts';
import type { DatasetSample } from '../../src/proposal/samples.ts';

describe('names of columns and tables', () => {
  test.each([
    ['PatientID', 'patient_id'],
    ['ZIPCode', 'zip_code'],
    ['Date of Birth', 'date_of_birth'],
    ['patient_id', 'patient_id'],
    ['Größe', 'gro_e'],
    ['source_system', 'sent_source_system'],
    ['2nd name', 'sent_2nd_name'],
    ['OID', 'sent_oid'],
    ['#', 'column'],
  ])('%s becomes %s', (header, name) => {
    expect(toIdentifier(header)).toBe(name);
  });

  test('tables are plurals, and what stands twice is told apart', () => {
    const words = ['claim_line', 'category', 'address', 'patients', 'day', 'batch'];
    expect(words.map(plural)).toEqual(['claim_lines', 'categories', 'addresses', 'patients', 'days', 'batches']);
    for (const word of words) expect(plural(singular(word))).toBe(plural(word));
    expect(distinct(['a', 'b', 'a', 'a'])).toEqual(['a', 'b', 'a_2', 'a_3']);
  });
});

describe('names of files', () => {
  test.each([
    [['patients.csv', 'appointments.csv'], '{dataset}.csv', ['patients', 'appointments']],
    [['providers_2023-01-31.csv', 'providers_2023-02-28.csv'], '{dataset}_{stamp:YYYY-MM-DD}.csv', ['providers']],
    [['claim/claim_20230128.csv', 'claim_line/claim_line_20230128.csv'], '{dataset}/{dataset}_{stamp:YYYYMMDD}.csv', ['claim', 'claim_line']],
    [['encounters/part-0000.csv', 'encounters/part-0001.csv'], '{dataset}/part-{part}.csv', ['encounters']],
    [['A_Pay_Visit_[19861201_060005].txt', 'A_Pay_Bill_[19861201_060005].txt'], 'A_Pay_{dataset}_[{stamp:YYYYMMDD_hhmmss}].txt', ['Visit', 'Bill']],
    [['in/2023/visit_202301.csv'], 'in/{dataset}/visit_{stamp:YYYYMM}.csv', ['2023']],
    [['orders-20230128T060000.csv'], '{dataset}-{stamp:YYYYMMDDThhmmss}.csv', ['orders']],
    // Eight digits that are no day are a number.
    [['orders_99999999.csv'], '{dataset}_{part}.csv', ['orders']],
  ])('%j follow %s', (paths, pattern, datasets) => {
    const guess = guessNames(paths);
    expect(guess?.pattern).toBe(pattern);
    expect([...(guess?.datasets.keys() ?? [])]).toEqual(datasets);
    expect([...(guess?.datasets.values() ?? [])].flat().sort()).toEqual([...paths].sort());
  }); // prettier-ignore

  test('names of several patterns are told', () => {
    expect(guessNames(['a/a.csv', 'b_20230128.csv'])).toBeNull();
  });
});

describe('types', () => {
  test.each<[string, readonly string[], unknown]>([
    ['birth_date', ['2014-10-06', '1999-01-31'], { type: 'date', parameters: {} }],
    ['taken_at', ['2023-05-24T15:31:33+00:00', '2023-05-24T15:31:33Z'], { type: 'timestamp', parameters: {} }],
    ['taken_at', ['2023-05-24T15:31:33.120Z', '2023-05-24T15:31:33Z'], { type: 'timestamp', parameters: { precision: 2 } }],
    ['taken_at', ['2023-05-24 15:31:33'], { type: 'timestamp', parameters: { zone: 'UTC' } }],
    ['home_phone', ['(617) 555-0199', '617.555.0198', '617-555-0111', '6175550112', 'call me'], { type: 'phone' }],
    ['fax', ['call', 'me'], { type: 'text' }],
    ['home_address', ['12 Main St', '13 Main St'], { type: 'address' }],
    ['amount', ['129.16', '0'], { type: 'money' }],
    ['dose', ['0.125', '2'], { type: 'decimal', parameters: { scale: 3 } }],
    ['lat', ['42.047565000000006'], { type: 'number' }],
    ['units', ['1', '12'], { type: 'integer' }],
    ['zip', ['02155', '02139-1234'], { type: 'code' }],
    ['floor', ['01', '02'], { type: 'code' }],
    ['provider_id', ['1', '2'], { type: 'id' }],
    ['line_number', ['1', '2'], { type: 'integer' }],
    ['paid_in_full', ['Y', 'N', 'Y'], { type: 'boolean' }],
    ['status', ['Y', 'N', 'Y'], { type: 'code' }],
    ['first_name', ['Ann1', 'Bob2'], { type: 'text' }],
    ['value', ['12', 'some words'], { type: 'text' }],
    ['note', [], { type: 'text', why: 'it is empty in all samples' }],
  ])('%s of %j is %j', (name, values, guess) => {
    expect(guessType(name, values)).toMatchObject(guess as object);
  }); // prettier-ignore

  test('days come before months where the feed says so', () => {
    const dates = ['31/12/2026', '13/01/2026'];
    expect(guessType('day', dates).type).not.toBe('date');
    expect(guessType('day', dates, { ...ANY_FORMAT, dateOrder: 'day-first' }).type).toBe('date');
  });
});

function dataset(name: string, columns: readonly string[], ...files: readonly (readonly string[])[]): GuessedColumns {
  const rows = files.map((file) => file.map((row) => row.split('|')));
  const sample: DatasetSample = { name, headers: columns, missing: new Set(), files: rows, rows: rows.flat().length };
  const values = (at: number) => rows.flat().map((row) => row[at] ?? '');
  return {
    sample,
    name,
    columns: columns.map((column, at) => ({ name: column, type: guessType(column, values(at)).type })),
  };
}

describe('keys and references', () => {
  test('a key is one column that differs in each row of a file; files may repeat it', () => {
    const patients = dataset('patients', ['name', 'patient_id'], ['Ann|1', 'Bob|2'], ['Ann|1']);
    expect(guessKey(patients)?.places).toEqual([1]);
  });

  test('a key is several columns where none differs by itself; where nothing does there is none', () => {
    const rows = ['C1|1|140|5.00', 'C1|2|140|5.00', 'C2|1|140|5.00', 'C2|2|140|5.00'];
    expect(guessKey(dataset('claim_line', ['claim_id', 'line_number', 'code', 'amount'], rows))?.places).toEqual([
      0, 1,
    ]);
    expect(guessKey(dataset('notes', ['a', 'b'], ['x|y', 'x|y']))).toBeNull();
  });

  test('a reference has the name of a key and its values; a circle is not made', () => {
    const one = dataset('patients', ['patient_id', 'visit_id'], ['1|V1', '2|V2']);
    const two = dataset('visits', ['visit_id', 'patient_id', 'ward_id'], ['V1|1|W', 'V2|3|W']);
    const keys = [guessKey(one), guessKey(two)];
    expect(guessReferences([one, two], keys)).toEqual([
      { dataset: 0, place: 1, parent: 1, why: '100 % of its values are keys of visits' },
    ]);
    expect(guessReferences([two], [guessKey(two)])).toEqual([]);
  });
});
