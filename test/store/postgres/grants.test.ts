import pg from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { grantsText } from '../../../src/store/postgres/grants.ts';
import { serverPlace } from '../../../src/store/postgres/server-place.ts';
import { openReader } from '../../../src/store/open.ts';
import { openServer, serverSuite } from '../../helpers/postgres-store.ts';
import { describePostgres } from '../../helpers/postgres.ts';

describePostgres('the roles of a feed on PostgreSQL', () => {
  const openDesk = serverSuite();

  test('the loader loads, the reader reads all, and the reader without phi no patient and no text of a reject', async () => {
    const { place, client } = await openDesk();
    const { schema } = serverPlace(place.db).url;
    await client.query(grantsText(place.feed, schema));
    for (const role of ['loader', 'reader', 'reader_nophi'])
      await client.query(`CREATE ROLE a_${role} LOGIN IN ROLE landfall_${role}`);
    const as = (user: string): string => place.db.replace('postgres@', `${user}@`);
    const store = await openServer({ ...place, db: as('a_loader') });
    onTestFinished(() => store.close());
    expect(await store.noteUnread([], new Date())).toEqual([]);
    const reader = await openReader(as('a_reader'), place.feed);
    onTestFinished(() => reader.close());
    expect(await reader.status(1)).toMatchObject({ rejects: [] });

    const { host, database } = client;
    const nophi = new pg.Client({ host, user: 'a_reader_nophi', ...(database === undefined ? {} : { database }) });
    await nophi.connect();
    onTestFinished(() => nophi.end());
    await nophi.query(`SET search_path TO ${schema}`);
    await nophi.query(
      'SELECT visit_id, visit_date, source_stamp FROM visits; SELECT line, code FROM rejects; SELECT name FROM files',
    );
    const hidden = ['SELECT patient_name FROM visits', 'SELECT raw FROM rejects', 'SELECT parent_key FROM waiting_on'];
    for (const sql of hidden) await expect(nophi.query(sql), sql).rejects.toMatchObject({ code: '42501' });
  });

  test('the owner brings tables up to date that another has made, and the roles may be made twice', async () => {
    const { place, client } = await openDesk();
    const { schema } = serverPlace(place.db).url;
    await client.query(grantsText(place.feed, schema));
    await client.query(grantsText(place.feed, schema));
    await client.query('CREATE ROLE an_owner LOGIN IN ROLE landfall_owner');
    const { host, database } = client;
    const owner = new pg.Client({ host, user: 'an_owner', ...(database === undefined ? {} : { database }) });
    await owner.connect();
    onTestFinished(() => owner.end());
    await owner.query(`SET search_path TO ${schema}`);
    await owner.query('ALTER TABLE visits ADD COLUMN note text; ALTER TABLE rejects ADD COLUMN note text');
    const { rows } = await client.query(
      `SELECT tablename FROM pg_tables WHERE schemaname = '${schema}' AND tableowner <> 'landfall_owner'`,
    );
    expect(rows).toEqual([]);
  });
});
