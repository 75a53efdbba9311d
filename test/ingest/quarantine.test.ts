import { describe, expect, test } from 'vitest';
import { loadFeed } from '../../src/feed/load.ts';
import { createBilling, LEAK } from '../helpers/billing.ts';
import { COLUMNS, type DatasetName, feedFileName, feedFileText } from '../helpers/feed-files.ts';
import { type Desk, FEED_FILE, openDesk } from '../helpers/ingest.ts';
import { procedure } from '../helpers/rows.ts';

/** A day's rows in which every value is marked. */
function marked(rows = 30) {
  const billing = createBilling(7);
  const procedures = Array.from({ length: rows }, () => billing.procedure());
  const visits = procedures.map((procedure) => billing.visit(procedure));
  const transactions = visits.map((visit) => billing.transaction(visit));
  return { Procedure: procedures, Visit: visits, Transaction: transactions };
}

/** Ingests a content that must be refused and leave nothing in the tables. */
async function refuse(desk: Desk, dataset: DatasetName, content: string | Uint8Array) {
  const outcome = await desk.ingest(desk.write(feedFileName(dataset, '20260801_060000'), content));
  if (outcome.kind !== 'quarantined') throw new Error(`not quarantined but ${outcome.kind}`);
  for (const table of ['procedures', 'visits', 'transactions', 'checkpoints', 'attempts', 'waiting_on']) {
    expect(desk.column(`SELECT count(*) FROM ${table}`)).toEqual([0]);
  }
  expect(desk.rows('SELECT file_id, state, reason_code, reason, revision, rows_read FROM files')).toEqual([
    {
      file_id: outcome.fileId,
      state: 'quarantined',
      reason_code: outcome.code,
      reason: outcome.reason,
      revision: 1,
      rows_read: 0,
    },
  ]);
  expect(JSON.stringify(outcome)).not.toMatch(LEAK);
  return outcome;
}

const withoutHeader = (dataset: DatasetName) =>
  feedFileText(dataset, marked()[dataset]).split('\n').slice(1).join('\n');

describe('P6 P8: a file that cannot be read as its dataset is refused whole, with a reason that holds no value', () => {
  test.each<DatasetName>(['Procedure', 'Visit', 'Transaction'])(
    'no header: the first row is a patient, and is not told (%s)',
    async (dataset) => {
      expect(await refuse(openDesk(), dataset, withoutHeader(dataset))).toMatchObject({ code: 'no_header' });
    },
  );

  test('a missing column is named, being a name of the feed', async () => {
    const columns = COLUMNS.Visit.filter((column) => column !== 'VisitDate');
    const outcome = await refuse(openDesk(), 'Visit', feedFileText('Visit', marked().Visit, { columns }));
    expect(outcome).toMatchObject({ code: 'missing_column' });
    expect(outcome.reason).toMatch(/VisitDate|visit_date/);
  });

  test('a line that only has two cells in common with the header may be a patient: its cells are not told', async () => {
    const columns = ['VisitID', 'PatientID', ...Object.values(marked(1).Visit[0] ?? {})];
    const outcome = await refuse(openDesk(), 'Visit', feedFileText('Visit', marked().Visit, { columns }));
    expect(['missing_column', 'no_header']).toContain(outcome.code);
  });

  test('a column that appears twice is named', async () => {
    const columns = [...COLUMNS.Visit, 'visit_date'];
    const outcome = await refuse(openDesk(), 'Visit', feedFileText('Visit', marked().Visit, { columns }));
    expect(outcome).toMatchObject({ code: 'duplicate_column' });
    expect(outcome.reason).toMatch(/VisitDate|visit_date/);
  });

  test.each<[string, Buffer]>([
    ['an archive', Buffer.from(`PK\x03\x04\x14\0\0\0\x08\0${'\x01\x02\xfe\0'.repeat(500)}`, 'latin1')],
    ['a document', Buffer.from(`%PDF-1.7\n%\xe2\xe3\xcf\xd3\n${'\0\x01ZQX\x9f'.repeat(500)}`, 'latin1')],
    ['zero bytes', Buffer.alloc(4096)],
  ])('%s is not text', async (_, content) => {
    expect(await refuse(openDesk(), 'Visit', content)).toMatchObject({ code: 'not_text' });
  });

  test('a file without a byte', async () => {
    expect(await refuse(openDesk(), 'Visit', '')).toMatchObject({ code: 'empty' });
  });

  test('a trailer that states another number of rows: all is taken back, also what was put in before it was met', async () => {
    const text = feedFileText('Procedure', marked().Procedure);
    expect(await refuse(openDesk(), 'Procedure', `${text}TRAILER|31\n`)).toMatchObject({ code: 'trailer_count' });
  });

  test('a trailer that is right is no row', async () => {
    const text = feedFileText('Procedure', marked().Procedure);
    expect(
      await openDesk().ingest(openDesk().write(feedFileName('Procedure', '20260801_060000'), `${text}TRAILER|30\n`)),
    ).toMatchObject({
      counts: { read: 30, inserted: 30 },
    });
  });

  test('another dataset’s file under this name', async () => {
    const outcome = await refuse(openDesk(), 'Visit', feedFileText('Procedure', marked().Procedure));
    expect(['missing_column', 'no_header']).toContain(outcome.code);
  });

  test('rule 7: too many bad rows: counts by code and the first hundred rejects are kept, outside the sums', async () => {
    const desk = openDesk();
    const rows = marked(160).Procedure.map((row, at) =>
      at < 150 ? { ...row, EffectiveDate: 'ZQX', StandardCharge: at % 2 ? 'ZQX' : '1' } : row,
    );
    const outcome = await refuse(desk, 'Procedure', feedFileText('Procedure', rows));
    expect(outcome).toMatchObject({ code: 'bad_rows' });
    const counts = JSON.parse(String(desk.column('SELECT reject_counts FROM files')[0])) as Record<string, number>;
    expect(Object.values(counts).reduce((sum, count) => sum + count, 0)).toBe(150);
    expect(desk.column('SELECT line FROM rejects ORDER BY reject_id')).toEqual(
      Array.from({ length: 100 }, (_, at) => at + 2),
    );
    expect(desk.column("SELECT count(*) FROM rejects WHERE state = 'rejected' AND raw LIKE '%ZQX%'")).toEqual([100]);
    expect(desk.column('SELECT reason FROM rejects').join()).not.toMatch(LEAK);
  });
});

describe('rule 9: a quarantined file is tried again', () => {
  const good = feedFileText('Procedure', marked(3).Procedure);
  const name = feedFileName('Procedure', '20260801_060000');
  const ledger = (desk: Desk) =>
    desk.column(`SELECT revision || ' ' || state || ' ' || coalesce(reason_code, '-') FROM files ORDER BY revision`);

  test('rule 7: just the share that the feed allows is allowed', async () => {
    const desk = openDesk({ feed: { ...loadFeed(FEED_FILE), maxBadRows: 0.29 } });
    const rows = (bad: number) =>
      Array.from({ length: 100 }, (_, at) => ({ ...procedure(`P${at}`), EffectiveDate: at < bad ? 'never' : '' }));
    expect(await desk.deliver('Procedure', '20260801_060000', rows(29))).toMatchObject({ kind: 'ingested' });
    expect(await desk.deliver('Procedure', '20260802_060000', rows(30))).toMatchObject({ code: 'bad_rows' });
  });

  test('the same bytes: it keeps its revision and its rejects are not doubled', async () => {
    const desk = openDesk();
    const file = desk.write(
      name,
      feedFileText(
        'Procedure',
        marked(3).Procedure.map((row) => ({ ...row, EffectiveDate: 'x' })),
      ),
    );
    for (let time = 0; time < 3; time++)
      expect(await desk.ingest(file)).toMatchObject({ kind: 'quarantined', revision: 1 });
    expect(ledger(desk)).toEqual(['1 quarantined bad_rows']);
    expect(desk.column('SELECT count(*) FROM rejects')).toEqual([3]);
  });

  test('the same bytes under a feed that now allows them: ingested in the same revision', async () => {
    const desk = openDesk();
    const file = desk.write(
      name,
      feedFileText(
        'Procedure',
        marked(3).Procedure.map((row) => ({ ...row, EffectiveDate: 'x' })),
      ),
    );
    await desk.ingest(file);
    const feed = { ...desk.feed, maxBadRows: 1, hash: 'another' };
    Object.assign(desk.store, { feed });
    Object.assign(desk.database, { feed });
    expect(await desk.ingest(file)).toMatchObject({ kind: 'ingested', revision: 1, counts: { rejected: 3 } });
    expect(desk.rows('SELECT revision, state, feed_hash FROM files')).toEqual([
      { revision: 1, state: 'ingested', feed_hash: 'another' },
    ]);
    expect(desk.column('SELECT count(*) FROM rejects')).toEqual([3]);
  });

  test('good, then bad, then good again: three revisions; what is quarantined replaces nothing', async () => {
    const desk = openDesk();
    await desk.ingest(desk.write(name, good));
    await desk.ingest(desk.write(name, 'nothing of the kind\n'));
    expect(ledger(desk)).toEqual(['1 ingested -', '2 quarantined no_header']);
    expect(desk.column('SELECT count(*) FROM procedures')).toEqual([3]);
    expect(await desk.ingest(desk.write(name, good))).toMatchObject({
      kind: 'ingested',
      revision: 3,
      counts: { unchanged: 3 },
    });
    expect(ledger(desk)).toEqual(['1 replaced -', '2 replaced no_header', '3 ingested -']);
  });

  test('waiting rows of the ingested revision stay waiting when a later one is refused', async () => {
    const desk = openDesk();
    await desk.deliver('Visit', '20260801_060000', marked(3).Visit);
    await desk.ingest(desk.write(feedFileName('Visit', '20260801_060000'), ''));
    expect(desk.column("SELECT count(*) FROM rejects WHERE state = 'waiting'")).toEqual([3]);
    expect(await desk.deliver('Procedure', '20260801_060000', marked(3).Procedure)).toMatchObject({ healed: 3 });
  });
});
