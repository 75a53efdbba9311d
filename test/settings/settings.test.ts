import { mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { LandfallError } from '../../src/model/errors.ts';
import { readSettings, type SettingSources } from '../../src/settings/read-settings.ts';
import { parseDatabaseUrl, withoutPassword } from '../../src/settings/database-url.ts';
import { SETTINGS, variableOf, type Settings } from '../../src/settings/settings.ts';
import { tempFolder } from '../helpers/temp.ts';

function read(sources: Partial<SettingSources> = {}): Settings {
  return readSettings({ flags: {}, env: {}, cwd: '/work', root: '/program', ...sources });
}

function faultOf(sources: Partial<SettingSources>): string {
  try {
    read(sources);
  } catch (error) {
    if (error instanceof LandfallError) return error.message;
    throw error;
  }
  return 'no fault';
}

function settingsFile(text: string): string {
  const path = join(tempFolder(), 'landfall.yaml');
  writeFileSync(path, text);
  return path;
}

test('without anything said, the defaults hold', () => {
  expect(read()).toEqual({
    landing: '/work/landing',
    db: '/work/db/visitpay.sqlite',
    feed: '/program/feeds/visitpay',
    env: null,
    alertRejected: 0.05,
    settleMs: 2000,
    rescan: '* * * * *',
    archive: '/work/db/archive',
    archiveForMs: null,
    after: 'keep',
    removeAfterMs: 600_000,
    keyFile: null,
    stateDir: '/work/db',
    logLevel: 'info',
    logFormat: 'auto',
    cacheMib: 128,
    http: null,
    httpPasswordFile: null,
    ...{ alertWebhook: null, alertTemplate: null, alertSmtp: null, alertFrom: null, alertTo: null },
    ...{ alertCommand: null, alertRepeatMs: 86_400_000, pingUrl: null, receipts: null },
  });
});

test('without --db, each feed has a database that is named like its folder', () => {
  expect(read({ flags: { feed: 'feeds/clinic' } }).db).toBe('/work/db/clinic.sqlite');
  expect(read({ flags: { feed: '/etc/landfall/clinic/feed.yaml' } }).db).toBe('/work/db/clinic.sqlite');
  expect(read({ flags: { feed: 'feeds/clinic', db: 'x.sqlite' } }).db).toBe('/work/x.sqlite');
});

test('the archive is beside the database, in the working folder where that is a server, or nowhere', () => {
  expect(read({ flags: { db: 'x/y.sqlite' } }).archive).toBe('/work/x/archive');
  expect(read({ flags: { db: 'postgres://host/db' } }).archive).toBe('/work/archive');
  expect(read({ flags: { archive: 'none' } }).archive).toBeNull();
  expect(read({ flags: { archive_for: '400d' } }).archiveForMs).toBe(400 * 86_400_000);
});

test('a name that is no more is refused in a settings file, too', () => {
  const settings = settingsFile('archive_dir: /x\n');
  expect(faultOf({ flags: { settings } })).toContain(
    `archive_dir in ${settings} is no setting any more: --archive DIR`,
  );
});

test('flags go before variables, variables before the file, the file before defaults', () => {
  const settings = settingsFile('settle: 3\ncache_mib: 3\nlog_level: debug\n');
  const flags = { settle: '1', settings };
  const env = { LANDFALL_SETTLE: '2', LANDFALL_CACHE_MIB: '2', LANDFALL_SETTINGS: '/not/this.yaml' };
  expect(read({ flags, env })).toMatchObject({ settleMs: 1000, cacheMib: 2, logLevel: 'debug', logFormat: 'auto' });
});

test('relative paths are taken from the working folder, those of a file from its folder', () => {
  const settings = settingsFile('landing: in\narchive: copies\n');
  expect(read({ flags: { settings, db: 'x.sqlite' } })).toMatchObject({
    landing: join(settings, '../in'),
    archive: join(settings, '../copies'),
    db: '/work/x.sqlite',
  });
});

test.each([
  ['0', 0],
  ['2', 2000],
  ['2s', 2000],
  ['0.5', 500],
  ['500ms', 500],
  ['10m', 600_000],
  ['10min', 600_000],
  ['2d', 172_800_000],
  ['1h', 3_600_000],
])('the time %s is %d ms', (settle, ms) => {
  expect(read({ flags: { settle } }).settleMs).toBe(ms);
});

test.each([
  'postgres://loader@db.example/visits',
  'postgresql:///visits?host=/var/run/../run/postgresql',
  'POSTGRES://db.example/a/../b ',
])('a URL of a database is no path, and stays as it is: %s', (db) => {
  expect(read({ flags: { db } }).db).toBe(db);
  expect(read({ flags: { settings: settingsFile(`db: "${db}"\n`) } }).db).toBe(db);
});

test.each([
  ['postgres://loader:a@b:c/d@db.example/x', 'postgres://loader:***@db.example/x'],
  [
    'postgres://loader@db.example/x?user=u&password=secret&a=b',
    'postgres://loader@db.example/x?user=u&password=***&a=b',
  ],
  ['postgres://:secret@/x', 'postgres://:***@/x'],
  ['postgres://db.example:5432/x', 'postgres://db.example:5432/x'],
  ['/data/a:b@c.sqlite', '/data/a:b@c.sqlite'],
])('a database is shown without its password: %s', (db, shown) => {
  expect(withoutPassword(db)).toBe(shown);
});

test('a wrong URL of a database is named without its password', () => {
  expect(faultOf({ flags: { db: 'postgres://loader:secret@\0/x' } })).toContain(
    '--db must be a path, not "postgres://loader:***@\\u0000/x"',
  );
});

test.each([
  ['mysql://host/visits', 'must be a path, or a URL of PostgreSQL such as postgres://user@host/database'],
  ['postgres://db.example', 'must name a database'],
  ['postgres://db.example/visits?sslmode=prefer', 'must have an sslmode of disable, require, verify-ca, verify-full'],
  ['postgres://db.example/visits?options=-csearch_path=x', 'must not have the parameter options (there are host,'],
  ['postgres://db.example/visits?schema=', 'must name a schema of 1 to 63 bytes'],
  ['postgres://db.example:port/visits', 'must be a URL such as postgres://user@host/database'],
])('a URL that no database can be opened by is refused: %s', (db, problem) => {
  expect(faultOf({ flags: { db } })).toContain(problem);
});

test('P8: a password on the command line, which everybody may read there, is refused; elsewhere it is taken', () => {
  const db = 'postgres://loader:secret@db.example/visits';
  expect(faultOf({ flags: { db } })).toMatch(/--db: must not hold a password(?!.*secret)/);
  expect(read({ env: { LANDFALL_DB: db } }).db).toBe(db);
});

test('a URL says where the database is, what is left out is left to libpq', () => {
  expect(
    parseDatabaseUrl('postgres://lo%40der:p%3A@[::1]:6432/my%20db?schema=claims&sslmode=verify-full'),
  ).toMatchObject({
    ...{
      host: '::1',
      port: 6432,
      user: 'lo@der',
      password: 'p:',
      database: 'my db',
      schema: 'claims',
      tls: 'verify-full',
    },
  });
  expect(parseDatabaseUrl('postgres://loader@/visits?host=/run/postgresql&passwordfile=/run/secrets/p')).toMatchObject({
    ...{ host: '/run/postgresql', port: null, user: 'loader', password: null, passwordFile: '/run/secrets/p' },
    ...{ database: 'visits', schema: 'public', tls: null },
  });
  expect(parseDatabaseUrl('postgresql:///visits')).toMatchObject({ host: null, user: null, database: 'visits' });
});

test('an empty variable is one that is not set', () => {
  expect(read({ env: { LANDFALL_SETTLE: '', LANDFALL_DB: '' } })).toEqual(read());
});

test('an empty flag is one fault', () => {
  expect(faultOf({ flags: { landing: '' } })).toBe('--landing is empty');
});

test('all wrong ones are named at once, each with where it came from and its value', () => {
  const settings = settingsFile('cache_mib: lots\nlog_format: [json]\nremove-after: 3d\npatience: 3\n');
  const message = faultOf({
    flags: { settle: 'soon', after: 'delete', settings },
    env: { LANDFALL_RESCAN: 'every minute', LANDFALL_LOG_LEVEL: 'loud', LANDFALL_ARCHVE: '/x' },
  });
  for (const part of [
    '9 settings are wrong:\n',
    '  --settle must be a time such as 2s, 500ms, 10min, 1h or 2d (a bare number is seconds), not "soon"',
    '  --after must be keep or remove, not "delete"',
    '  LANDFALL_RESCAN must be a cron expression such as "* * * * *", not "every minute"',
    '  LANDFALL_LOG_LEVEL must be trace, debug, info, warn, error, fatal or silent, not "loud"',
    '  LANDFALL_ARCHVE is not a setting; did you mean LANDFALL_ARCHIVE?',
    `  cache_mib in ${settings} must be a whole number of MiB, not "lots"`,
    `  log_format in ${settings} must be a text or a number, not ["json"]`,
    `  remove-after in ${settings} is not a setting; did you mean remove_after?\n`,
    `  patience in ${settings} is not a setting (there are landing, db,`,
  ]) {
    expect(message).toContain(part);
  }
});

test.each<[string, Partial<SettingSources>, string]>([
  ['an endless time', { flags: { settle: '1000h' } }, '--settle must be at most 24 days'],
  ['a negative time', { flags: { settle: '-1' } }, '--settle must be a time'],
  ['a schedule that never comes', { flags: { rescan: '0 0 L-30 2 *' } }, '--rescan must be a cron expression'],
  ['no cache', { env: { LANDFALL_CACHE_MIB: '0' } }, 'LANDFALL_CACHE_MIB must be from 1 to 65536, not "0"'],
  [
    'an archive that is the landing folder',
    { flags: { archive: 'landing' } },
    '--archive is the landing folder itself, "/work/landing"',
  ],
  ['a time for copies that is over at once', { flags: { archive_for: '10min' } }, '--archive-for must be ever, or'],
  ['a setting that is no more', { flags: { archive_after: '1h' } }, '--archive-after is no setting any more: a copy'],
  ['what --after did before', { flags: { after: 'archive' } }, '--after must be keep or remove: every content is'],
  [
    'a variable that is no more',
    { env: { LANDFALL_ARCHIVE_DIR: '/x' } },
    'LANDFALL_ARCHIVE_DIR is no setting any more: --archive DIR',
  ],
  ['a settings file that is not there', { flags: { settings: '/none.yaml' } }, '/none.yaml does not exist'],
])('%s is refused', (_, sources, message) => {
  expect(faultOf(sources)).toContain(message);
});

test('a settings file that is no list of settings is refused', () => {
  expect(faultOf({ flags: { settings: settingsFile('- a\n- b\n') } })).toContain(
    'must hold lines of the form name: value',
  );
  expect(faultOf({ flags: { settings: settingsFile('a: [') } })).toMatch(/^\S+: .* at line 1, column \d+$/);
  expect(faultOf({ flags: { settings: settingsFile('') } })).toBe('no fault');
});

test('variables of others that begin like ours are left alone', () => {
  expect(faultOf({ env: { LANDFALL_IMAGE_VERSION: '1', LANDFALL: 'x' } })).toBe('no fault');
});

test('settings are frozen', () => {
  expect(Object.isFrozen(read())).toBe(true);
});

test('every setting can be set by its variable', () => {
  for (const info of SETTINGS) {
    const fault = faultOf({ env: { [variableOf(info.name)]: '\0' } });
    expect(fault).toContain(variableOf(info.name));
  }
});

describe('the database has one name, by whatever links it is reached', () => {
  /** `real/` with links to it, and what the database is called from there. */
  function linked(): { folder: string; db: (text: string) => string } {
    const folder = realpathSync(tempFolder());
    mkdirSync(join(folder, 'real/deep'), { recursive: true });
    mkdirSync(join(folder, 'db'));
    symlinkSync('../real/x.sqlite', join(folder, 'db/v.sqlite'));
    symlinkSync('db/v.sqlite', join(folder, 'twice.sqlite'));
    symlinkSync(join(folder, 'real/x.sqlite'), join(folder, 'absolute.sqlite'));
    symlinkSync('real', join(folder, 'folder'));
    symlinkSync('real/deep', join(folder, 'deep'));
    symlinkSync('../deep/../x.sqlite', join(folder, 'db/winding.sqlite'));
    return { folder, db: (text) => readSettings({ flags: { db: text }, env: {}, cwd: folder, root: '/program' }).db };
  }

  const names = [
    ['a relative path', 'real/x.sqlite'],
    ['dots', './real/../real/./x.sqlite'],
    ['a link', 'db/v.sqlite'],
    ['a link to a link', 'twice.sqlite'],
    ['an absolute link', 'absolute.sqlite'],
    ['a link on the way', 'folder/x.sqlite'],
    ['the folder above what a link leads to', 'deep/../x.sqlite'],
    ['a link through another link and up', 'db/winding.sqlite'],
  ] as const;

  test.each(names)('%s', (_, name) => {
    const { folder, db } = linked();
    const real = join(folder, 'real/x.sqlite');
    expect(db(name)).toBe(real);
    writeFileSync(real, '');
    expect(db(name)).toBe(real);
    // As the system has it.
    expect(realpathSync.native(`${folder}/${name}`)).toBe(real);
  });

  test('whose folder, too, is not there yet', () => {
    const { folder, db } = linked();
    symlinkSync('later/made/x.sqlite', join(folder, 'l.sqlite'));
    expect(db('l.sqlite')).toBe(join(folder, 'later/made/x.sqlite'));
  });

  test('a loop of links is a fault', () => {
    const { folder, db } = linked();
    symlinkSync('b', join(folder, 'a'));
    symlinkSync('a', join(folder, 'b'));
    expect(() => db('a/x.sqlite')).toThrow(/--db must not be a loop of links, not ".*a\/x\.sqlite"$/);
  });

  test.each(['x.sqlite ', 'x.sqlite\u00a0', 'l'])(
    'a name that ends with a space would be opened without it: %j',
    (name) => {
      const { folder, db } = linked();
      symlinkSync('x.sqlite\n', join(folder, 'l'));
      expect(() => db(name)).toThrow(/--db must not end with a space, nor what it links to, not ".*"$/);
    },
  );
});
