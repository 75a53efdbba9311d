import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { runCommandLine } from '../../src/command-line.ts';
import type { Manifest } from '../../src/export/manifest.ts';
import { loadFeed } from '../../src/feed/load.ts';
import { captureIo } from '../helpers/command-io.ts';
import { drop } from '../helpers/drop-files.ts';
import { askDuckdb } from '../helpers/duckdb.ts';
import { openDesk, ROOT } from '../helpers/ingest.ts';
import { startFakeS3 } from '../helpers/s3.ts';
import { tempFolder } from '../helpers/temp.ts';

const FEED = join(ROOT, 'examples/appointments');

test('appointments end as Parquet in a bucket: the joined view is read back and is what the database has', async () => {
  const desk = openDesk({ feed: loadFeed(FEED) });
  await drop(desk.store, tempFolder(), [
    [
      'patients.csv',
      [
        'patient_id,name,birth_date,phone_number,address',
        'P1,Ann Made-Up,1980-02-03,(617) 555-0123,"12 North Main Street, Apt. 5, Boston, Massachusetts 02115"',
        'P2,Ben Made-Up,1990-12-31,617.555.0124 x7,"1 Elm St, Boston, MA 02115"',
      ],
    ],
    [
      'appointments.csv',
      [
        'appointment_id,patient_id,patient_name,patient_phone,patient_address,appointment_date,appointment_type',
        'A2,P2,Ben Made-Up,6175550124,"1 Elm Street, Boston, MA 02115",2026-08-02T10:00:00-04:00,wellness',
        'A1,P1,Ann Made-Up,+1 617 555 0123,"12 N MAIN ST APT 5, Boston, MA 02115",2026-07-01T10:00:00Z,ambulatory',
        'A3,nobody,No Body,6175550111,"1 Main St, Boston, MA 02101",2026-08-03T10:00:00Z,ambulatory',
      ],
    ],
  ]);
  const fake = await startFakeS3();
  const io = { ...captureIo(), env: fake.env };
  const what = ['--view', 'appointments_with_patients', '--order-by', 'appointment_id', '--verify'];
  const partition = ['--partition-by', 'appointments_with_patients.appointment_at:month'];
  const from = ['export', '--feed', FEED, '--db', desk.database.file, '--to', 's3://lake/practice'];
  expect(await runCommandLine([...from, ...what, ...partition], { open: () => io })).toBe(0);

  const copy = tempFolder();
  const manifest = JSON.parse(fake.objects.get('practice/_manifest.json')?.toString() ?? 'null') as Manifest;
  const names = manifest.tables.flatMap(({ parts }) => parts.map(({ file }) => file));
  for (const name of names) {
    mkdirSync(dirname(join(copy, name)), { recursive: true });
    writeFileSync(join(copy, name), fake.objects.get(`practice/${name}`) ?? '');
  }
  expect(names.map((name) => name.split('/')[1])).toEqual(['month=2026-07', 'month=2026-08']);
  const columns = manifest.tables[0]?.columns.map(({ name }) => name) ?? [];
  const read = await askDuckdb(
    `SELECT * EXCLUDE (month, appointment_at, birth_date), strftime(appointment_at AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%SZ'), birth_date::VARCHAR
     FROM read_parquet('${copy}/*/*/*.parquet', hive_partitioning = true) ORDER BY appointment_id`,
  );
  const others = columns.filter((name) => !['appointment_at', 'birth_date'].includes(name));
  const kept = desk.rows(
    `SELECT ${others.join(', ')}, appointment_at, birth_date FROM appointments_with_patients ORDER BY appointment_id`,
  );
  expect(kept).toHaveLength(2);
  expect(read).toEqual(kept.map((row) => Object.values(row)));
});
