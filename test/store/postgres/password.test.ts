import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { asFault } from '../../../src/store/postgres/faults.ts';
import { connect } from '../../../src/store/postgres/connect.ts';
import { findPassword, passwordIn } from '../../../src/store/postgres/password.ts';
import { serverPlace } from '../../../src/store/postgres/server-place.ts';
import { describePostgres, freshDatabase } from '../../helpers/postgres.ts';
import { urlOf } from '../../helpers/postgres-store.ts';
import { tempFolder } from '../../helpers/temp.ts';

const LOGIN = { host: 'db.example', port: 5432, database: 'visits', user: 'loader' };

test.each([
  ['db.example:5432:visits:loader:secret', 'secret'],
  ['*:*:*:*:secret', 'secret'],
  ['db.example:5433:visits:loader:other\n*:*:*:loader:secret\n*:*:*:*:later', 'secret'],
  ['# *:*:*:*:comment\r\n*:*:*:*:a\\:b\\\\c d\r\n', 'a:b\\c d'],
  ['*:*:*:reader:secret', null],
  ['*:*:*', null],
  ['', null],
])('a password file is read as libpq reads it: %j', (text, password) => {
  expect(passwordIn(text, LOGIN)).toBe(password);
});

test('a server behind a socket is called by its folder, or localhost', () => {
  const login = { ...LOGIN, host: '/run/postgresql' };
  expect(passwordIn('db.example:*:*:*:other\nlocalhost:*:*:*:secret', login)).toBe('secret');
  expect(passwordIn('/run/postgresql:*:*:*:secret', login)).toBe('secret');
});

test('PGPASSWORD comes first, a file that others may read is passed over, and where there is none, it is said why', () => {
  const file = join(tempFolder(), 'pgpass');
  writeFileSync(file, '*:*:*:*:secret\n', { mode: 0o600 });
  const env = { PGPASSFILE: file };
  expect(findPassword(LOGIN, { ...env, PGPASSWORD: 'first' })).toBe('first');
  expect(findPassword(LOGIN, env)).toBe('secret');
  expect(() => findPassword(LOGIN, { PGPASSFILE: `${file}.none` })).toThrow(`there is no ${file}.none`);
  expect(() => findPassword(LOGIN, { PGPASSFILE: join(file, 'nowhere') })).toThrow('cannot be read (ENOTDIR)');
  chmodSync(file, 0o640);
  expect(() => findPassword(LOGIN, env)).toThrow(`others may read ${file}`);
  writeFileSync(file, '*:*:*:reader:secret\n');
  chmodSync(file, 0o600);
  expect(() => findPassword(LOGIN, env)).toThrow(`no line of ${file} fits db.example:5432:visits:loader`);
});

describePostgres('a server that asks for a password', () => {
  test('is told in one sentence where there is none', async () => {
    await using database = await freshDatabase();
    const place = serverPlace(urlOf(database.place));
    const client = await connect(place, 'test');
    const { rows } = await client.query<{ hba: string }>(`SELECT pg_read_file('pg_hba.conf') AS hba`);
    const hba = rows[0]?.hba ?? '';
    const write = async (text: string): Promise<void> => {
      const made = await client.query<{ id: string }>('SELECT lo_from_bytea(0, $1) AS id', [Buffer.from(text)]);
      await client.query(`SELECT lo_export($1, current_setting('hba_file'))`, [made.rows[0]?.id]);
      await client.query('SELECT pg_reload_conf()');
    };
    try {
      await client.query(`CREATE ROLE secretive LOGIN PASSWORD 'secret'`);
      await write(`local all secretive scram-sha-256\n${hba}`);
      const refusal = async (user: string): Promise<unknown> => {
        try {
          await (await connect(serverPlace(urlOf({ ...database.place, user })), 'test')).end();
          return null;
        } catch (error) {
          return error;
        }
      };
      // The server reads the file again when it gets to it.
      await expect
        .poll(() => refusal('secretive'))
        .toMatchObject({
          kind: 'denied',
          message: expect.stringContaining('the server asks for a password, and none is given: ') as string,
        });
      expect(await refusal('secretive:secret')).toBeNull();
    } finally {
      await write(hba);
      await client.query('DROP ROLE secretive');
      await client.end();
    }
  });
});

test('a certificate or key that cannot be read is told as one of the connection', () => {
  const place = serverPlace('postgres://loader@db.example/visits?sslmode=require');
  const error = Object.assign(new Error('PEM'), { code: 'ERR_OSSL_PEM_NO_START_LINE' });
  expect(asFault('open database', place, error)).toMatchObject({ kind: 'denied' });
});
