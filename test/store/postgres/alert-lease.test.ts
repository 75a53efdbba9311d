import { expect, test } from 'vitest';
import { keepAlertLease } from '../../../src/store/open.ts';
import { serverSuite } from '../../helpers/postgres-store.ts';
import { describePostgres } from '../../helpers/postgres.ts';

describePostgres('the lease of alerts', () => {
  const open = serverSuite();

  test('one of several daemons has it, also of those that ask at once; it keeps it, and loses it when it has not for long', async () => {
    const { place, client } = await open();
    const names = ['a', 'b', 'c', 'd'];
    const first = await Promise.all(names.map((name) => keepAlertLease(place.db, name)));
    expect(first.filter((has) => has)).toHaveLength(1);
    const holder = names[first.indexOf(true)] ?? '';
    expect(await keepAlertLease(place.db, holder)).toBe(true);
    expect(await keepAlertLease(place.db, 'e')).toBe(false);
    await client.query(`UPDATE alert_lease SET held_until = clock_timestamp() + interval '1 second'`);
    expect(await keepAlertLease(place.db, 'e')).toBe(false);
    await client.query(`UPDATE alert_lease SET held_until = clock_timestamp() - interval '1 second'`);
    expect(await keepAlertLease(place.db, 'e')).toBe(true);
    expect(await keepAlertLease(place.db, holder)).toBe(false);
  });
});
