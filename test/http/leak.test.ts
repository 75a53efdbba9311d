import { expect, test } from 'vitest';
import { createBilling, findLeak, LEAK } from '../helpers/billing.ts';
import { get, serveSite } from '../helpers/site.ts';
import { describeReadStores } from '../store/conformance/reading.ts';

describeReadStores('what is served', (open) => {
  test('P8: holds no value from a row: not of loaded, waiting, rejected or quarantined ones, nor of a header', async () => {
    const desk = await open();
    const { place, feed } = desk;
    const billing = createBilling(18);
    const procedures = [billing.procedure(), billing.procedure({ StandardCharge: 'ZQX dear' })];
    const visits = procedures.map((procedure) => billing.visit(procedure));
    await desk.deliver('Procedure', '20260801_060000', procedures);
    await desk.deliver('Visit', '20260801_060000', [
      ...visits,
      billing.visit(billing.procedure(), { VisitDate: 'ZQX some day' }),
      'ZQX|ZQX',
    ]);
    await desk.deliver(
      'Transaction',
      '20260801_060000',
      visits.map((visit) => billing.transaction(visit)),
    );
    await desk.deliver('Visit', '20260802_060000', ['ZQX Anna|ZQX Lindqvist|1907-01-02'], {
      columns: ['ZQX Anna', 'ZQX Lindqvist', 'x'],
    });
    await desk.deliver('Procedure', '20260802_060000', [{ ...billing.procedure(), 'ZQX Anna': 'ZQX' }], {
      columns: [
        'ProcedureID',
        'ProcedureCode',
        'CodeSystem',
        'Description',
        'StandardCharge',
        'EffectiveDate',
        'ZQX Anna',
      ],
    });
    const { port } = await serveSite({ db: place.db, feed, landing: '/landing' });
    const ledger = (await get(port, '/files')).body;
    const files = [...ledger.matchAll(/href="\.(\/files\/\d+)"/g)].map(([, path = '']) => path).reverse();
    expect(files).toHaveLength(5);
    const paths = ['/', '/metrics', '/status.json', '/files', '/files?state=quarantined', ...files];
    const texts = new Map<string, string>();
    for (const path of paths) {
      const { status, body } = await get(port, path);
      expect([path, status]).toEqual([path, 200]);
      expect([path, findLeak(body)]).toEqual([path, null]);
      texts.set(path, body);
    }
    // There was something to tell.
    expect(texts.get('/')).toContain('bad_date');
    expect(texts.get(files[1] ?? '')).toContain('waiting for procedures');
    expect(texts.get('/metrics')).toContain('landfall_waiting_rows{parent_table="visits"}');
    expect(LEAK.test('ZQX')).toBe(true);
  });
});
