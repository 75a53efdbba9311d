import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { DatabaseFault } from '../../../src/store/database-fault.ts';
import { openDesk } from '../../helpers/ingest.ts';
import { procedure } from '../../helpers/rows.ts';

test.each([
  [
    'removed',
    (file: string) => {
      rmSync(file);
    },
  ],
  [
    'moved away',
    (file: string) => {
      renameSync(file, `${file}.old`);
    },
  ],
  [
    'replaced',
    (file: string) => {
      renameSync(file, `${file}.old`);
      writeFileSync(file, '');
    },
  ],
])(
  'P6: a database that was %s while it was open takes no more files: they would be lost with it',
  async (_, change) => {
    const desk = openDesk();
    change(desk.database.file);
    const error = await desk
      .deliver('Procedure', '20260801_060000', [procedure('P1')])
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(DatabaseFault);
    expect(error).toMatchObject({ kind: 'replaced', isFinal: true });
  },
);
