import { join } from 'node:path';
import type { StorePlace } from '../../../src/store/ownership.ts';
import { type Desk, MIGRATIONS, openDesk } from '../../helpers/ingest.ts';

/** A store to be read while it is written to. */
export interface ReadDesk extends Pick<Desk, 'feed' | 'write' | 'ingest' | 'deliver'> {
  readonly place: StorePlace;
  /** The same, where there is no database yet. */
  readonly nowhere: StorePlace;
}

/** The stores whose reading side is held to what the door says of it. */
export const READ_STORES: readonly { readonly store: string; readonly open: () => ReadDesk }[] = [
  {
    store: 'SQLite',
    open() {
      const desk = openDesk();
      const { feed, folder } = desk;
      const place = { db: desk.database.file, feed, migrations: MIGRATIONS, program: '0.0.0' };
      return { ...desk, place, nowhere: { ...place, db: join(folder, 'none.sqlite') } };
    },
  },
];
