import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { DatabaseFault, type FaultKind } from '../../../src/store/database-fault.ts';
import { openReader } from '../../../src/store/open.ts';
import type { Store } from '../../../src/store/store.ts';
import { type StoreDesk, createStoreDesk } from '../../helpers/ingest.ts';
import { type ServerDesk, openServer, serverSuite } from '../../helpers/postgres-store.ts';
import { describePostgres } from '../../helpers/postgres.ts';
import { procedure } from '../../helpers/rows.ts';
import { startProxy } from '../../helpers/socket-proxy.ts';
import { tempFolder } from '../../helpers/temp.ts';

function deskOn(store: Store): StoreDesk {
  const landing = join(tempFolder(), 'landing');
  mkdirSync(landing);
  return createStoreDesk(store, landing);
}

const deliverTo = (desk: StoreDesk, charge = '1.00') =>
  desk.deliver('Procedure', '20260801_060000', [{ ...procedure('P1'), StandardCharge: charge }, procedure('P2')]);

async function faultOf(work: Promise<unknown>): Promise<DatabaseFault> {
  const error = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(DatabaseFault);
  return error as DatabaseFault;
}

const change = (place: ServerDesk['place'], replace: (url: URL) => void): ServerDesk['place'] => {
  const url = new URL(place.db.replace('@/', '@none/'));
  replace(url);
  return { ...place, db: url.toString().replace('@none/', '@/') };
};

describePostgres('faults of a server', () => {
  const openDesk = serverSuite();

  test('one that is away, an unknown database and a user that is not let in are told in one sentence, what to do with it', async () => {
    const { place, client } = await openDesk();
    await client.query('CREATE ROLE crowd LOGIN CONNECTION LIMIT 0');
    const cases: readonly [FaultKind, RegExp, (url: URL) => void][] = [
      ['unreachable', /no server answers there \(start it, or check the folder/, (url) => { url.searchParams.set('host', '/nowhere'); }],
      ['unreachable', /no server answers there \(start it, or check the host/, (url) => { url.searchParams.set('host', '127.0.0.1'); url.searchParams.set('port', '1'); }],
      ['unreachable', /its host is not known/, (url) => { url.searchParams.set('host', 'no.such.host.invalid'); }],
      ['denied', /there is no database none/, (url) => { url.pathname = '/none'; }],
      ['denied', /the server refuses the user \(check the user, pg_hba/, (url) => { url.username = 'nobody'; }],
      ['busy', /the server takes no more connections/, (url) => { url.username = 'crowd'; }],
    ]; // prettier-ignore
    for (const [kind, message, replace] of cases) {
      const fault = await faultOf(openServer(change(place, replace)));
      expect(fault.message).toMatch(message);
      expect(fault.kind).toBe(kind);
      expect(fault.isFinal).toBe(false);
    }
  });

  test('a right that is missing is named, with what mends it, which makes no reader a writer', async () => {
    const { place, client } = await openDesk();
    const schema = new URL(place.db.replace('@/', '@none/')).searchParams.get('schema') ?? '';
    await client.query('CREATE ROLE loader LOGIN');
    const asLoader = change(place, (url) => {
      url.username = 'loader';
    });
    const trouble = async (): Promise<string> => (await faultOf(openServer(asLoader))).message;
    expect(await trouble()).toContain(`GRANT USAGE ON SCHEMA ${schema} TO loader`);
    await client.query(`GRANT USAGE ON SCHEMA ${schema} TO loader`);
    const message = await trouble();
    expect(message).toContain('loader lacks a right to table schema_migrations (make it a member of landfall_loader');
    expect(message).not.toMatch(/INSERT|UPDATE|DELETE/);
    await client.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${schema} TO loader`);
    const store = await openServer(asLoader);
    onTestFinished(() => store.close());
    expect(await deliverTo(deskOn(store))).toMatchObject({ kind: 'ingested', counts: { inserted: 2 } });
  });

  test.each([
    ['53100', 'full', "no room left on the server's disk"],
    ['40P01', 'busy', 'another transaction was in the way'],
    ['40001', 'busy', 'another transaction was in the way'],
    ['57014', 'busy', 'somebody cancelled what it did'],
    ['25006', 'readonly', 'the server is a standby, or read-only'],
    ['58030', 'io', 'the server failed'],
    ['XX001', 'corrupt', 'is damaged'],
    ['42P01', 'changed', 'a table, a column or the schema is gone'],
    ['42883', 'changed', 'a table is not as it was, or a trigger on it fails'],
    ['2F005', 'changed', 'a table is not as it was, or a trigger on it fails'],
    ['53400', 'memory', 'the server lacks memory or another resource'],
  ] as const)(
    'P7: %s in the middle of a file is the fault %s of the database, not the file’s',
    async (code, kind, words) => {
      const { store, client } = await openDesk();
      await client.query(`
      CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'secret %', NEW.procedure_id USING ERRCODE = '${code}'; END $$;
      CREATE TRIGGER fail BEFORE INSERT ON procedures FOR EACH ROW EXECUTE FUNCTION fail()`);
      const desk = deskOn(store);
      const fault = await faultOf(deliverTo(desk));
      expect(fault).toMatchObject({ kind });
      expect(fault.message).toContain(words);
      expect(fault.message).not.toContain('secret');
      expect((await client.query('SELECT failures FROM attempts')).rows).toEqual([{ failures: 0 }]);
      await client.query('DROP TRIGGER fail ON procedures');
      expect(await deliverTo(desk)).toMatchObject({ kind: 'ingested', counts: { inserted: 2 } });
    },
  );

  test.each([
    ['takes no such values any more', 'ALTER TABLE procedures ALTER description TYPE boolean USING NULL'],
    ['has lost its key', 'ALTER TABLE procedures DROP CONSTRAINT procedures_pkey CASCADE'],
    ['fills a column itself', `ALTER TABLE procedures DROP description; ALTER TABLE procedures ADD description text GENERATED ALWAYS AS ('') STORED`],
  ])('P7: a table that %s while the daemon runs is no file’s fault', async (_, change) => {
    const { store, client } = await openDesk();
    const desk = deskOn(store);
    await desk.deliver('Procedure', '20260731_060000', [procedure('P1')]);
    await client.query(change);
    const fault = await faultOf(deliverTo(desk));
    expect(fault.kind).toBe('changed');
    expect(fault.message).toContain('restart the daemon, which says which table does not fit');
    expect((await client.query('SELECT failures FROM attempts')).rows).toEqual([{ failures: 0 }]);
  }); // prettier-ignore

  test('P2: a connection that is cut in COPY leaves nothing, and the next try goes on by itself', async () => {
    const { place, client } = await openDesk();
    const proxy = await startProxy(client.host);
    const store = await openServer(change(place, (url) => { url.searchParams.set('host', proxy.folder); })); // prettier-ignore
    onTestFinished(() => store.close());
    const desk = deskOn(store);
    proxy.cutAt('P1\t', false);
    expect(await faultOf(deliverTo(desk))).toMatchObject({ kind: 'unreachable' });
    expect((await client.query('SELECT name FROM files')).rows).toEqual([]);
    proxy.cut();
    expect(await faultOf(deliverTo(desk))).toMatchObject({ kind: 'unreachable' });
    proxy.mend();
    expect(await deliverTo(desk)).toMatchObject({ kind: 'ingested', counts: { inserted: 2 } });
  });

  test.each([
    ['got it', true, 'taken'],
    ['did not get it', false, 'ingested'],
  ] as const)('P2: cut at COMMIT, the ledger tells whether the server %s', async (_, delivered, kind) => {
    const { place, client } = await openDesk();
    const proxy = await startProxy(client.host);
    const store = await openServer(change(place, (url) => { url.searchParams.set('host', proxy.folder); })); // prettier-ignore
    onTestFinished(() => store.close());
    const desk = deskOn(store);
    const file = desk.write('HospitalABC_VisitPay_Procedure_[20260801_060000].txt', 'ProcedureID|ProcedureCode|CodeSystem|Description|StandardCharge|EffectiveDate\nP1|C1||||\n'); // prettier-ignore
    let asked = 0;
    const fault = await faultOf(
      desk.ingest(file, {
        onProgress: () => undefined,
        // Its last time is asked right before the commit.
        now: () => {
          if (++asked === 2) proxy.cutAt('COMMIT', delivered);
          return new Date('2026-08-10T12:00:00Z');
        },
      }),
    );
    expect(fault).toMatchObject({ kind: 'unreachable' });
    expect(await desk.ingest(file)).toMatchObject({ kind });
    expect((await client.query('SELECT revision, state FROM files')).rows).toEqual([
      { revision: 1, state: 'ingested' },
    ]);
  });

  test('a reader asks again after its connection was ended', async () => {
    const { place, client } = await openDesk();
    const reader = await openReader(place.db, place.feed);
    onTestFinished(() => reader.close());
    await reader.status(1);
    await client.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND application_name = 'landfall reader'`,
    );
    await expect.poll(() => reader.status(1).then(() => 'answers', () => 'cut'), { timeout: 5_000 }).toBe('answers'); // prettier-ignore
  });
});
