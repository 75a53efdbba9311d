import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import type { StorePlace } from '../../../src/store/ownership.ts';
import { type Desk, type StoreDesk, MIGRATIONS, createStoreDesk, openDesk } from '../../helpers/ingest.ts';
import { serverSuite } from '../../helpers/postgres-store.ts';
import { describePostgres } from '../../helpers/postgres.ts';
import { tempFolder } from '../../helpers/temp.ts';

/** A store to be read while it is written to. */
export interface ReadDesk extends StoreDesk, Pick<Desk, 'feed'> {
  readonly place: StorePlace;
  /** Runs statements behind the door's back. */
  readonly sql: (text: string) => Promise<void>;
  /** The same, where there is no database yet. */
  readonly nowhere: StorePlace;
}

/** A store whose reading side is held to what the door says of it. */
interface ReadStore {
  readonly name: string;
  /** Skips the tests where there is no server for them. */
  readonly describe: (title: string, tests: () => void) => void;
  /** For a `describe`: what opens a desk for a test. */
  readonly suite: () => () => Promise<ReadDesk>;
}

const READ_STORES: readonly ReadStore[] = [
  {
    name: 'SQLite',
    describe,
    suite: () => () => {
      const desk = openDesk();
      const { feed, folder } = desk;
      const place = { db: desk.database.file, feed, migrations: MIGRATIONS, program: '0.0.0' };
      const sql = (text: string) =>
        Promise.try(() => {
          desk.db.exec(text);
        });
      return Promise.resolve({ ...desk, place, sql, nowhere: { ...place, db: join(folder, 'none.sqlite') } });
    },
  },
  {
    name: 'PostgreSQL',
    describe: describePostgres,
    suite() {
      const open = serverSuite();
      return async () => {
        const { place, store, client } = await open();
        const sql = async (text: string) => {
          await client.query(text);
        };
        const landing = join(tempFolder(), 'landing');
        mkdirSync(landing);
        const nowhere = { ...place, db: place.db.replace(/schema=.*/, 'schema=nowhere') };
        return { ...createStoreDesk(store, landing), feed: place.feed, place, sql, nowhere };
      };
    },
  },
];

/**
 * Describes what must hold of the reading side of every store.
 * @param tests takes what opens a desk for a test
 */
export function describeReadStores(title: string, tests: (open: () => Promise<ReadDesk>) => void): void {
  for (const store of READ_STORES) {
    store.describe(`${store.name}: ${title}`, () => {
      tests(store.suite());
    });
  }
}
