import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadFeed } from '../../src/feed/load.ts';
import { openArchive } from '../../src/archive/archive.ts';
import { listCopies } from '../../src/archive/list-copies.ts';
import { hashCopy } from '../../src/archive/read-copy.ts';
import { settleDrafts } from '../../src/archive/settle-drafts.ts';
import { bindProtection } from '../../src/ingest/bind-protection.ts';
import type { Feed } from '../../src/model/feed.ts';
import { deriveKey } from '../../src/protection/key.ts';
import { createOpener, isSealed } from '../../src/protection/seal.ts';
import { createHasher } from '../../src/protection/hash-value.ts';
import { feedFileName, feedFileText } from '../helpers/feed-files.ts';
import { copyFeed } from '../helpers/feed-folder.ts';
import { type Desk, openDesk } from '../helpers/ingest.ts';

const KEY = deriveKey(new Uint8Array(32).fill(3));
const OTHER = deriveKey(new Uint8Array(32).fill(4));
const MARK = 'ZQmark';

/** The shipped feed with protected columns, as an overlay makes it. */
function protectedFeed(overlay: Readonly<Record<string, string>> = {}): Feed {
  const folder = copyFeed({});
  const protect = {
    'visits.patient_id': 'hash',
    'visits.patient_name': 'mask',
    'visits.date_of_birth': 'year',
    'visits.patient_phone': 'last4',
    'visits.patient_address': 'drop',
    ...overlay,
  };
  const lines = Object.entries(protect).map(([column, how]) => `  ${column}: ${how}\n`);
  mkdirSync(join(folder, 'environments'), { recursive: true });
  writeFileSync(join(folder, 'environments/protected.yaml'), `protect:\n${lines.join('')}`);
  return loadFeed(folder, 'protected');
}

function visit(id: string, procedure: string): Record<string, string> {
  return {
    ...{ VisitID: id, ProcedureID: procedure, PatientID: `${MARK}-ID`, PatientName: `${MARK} Name` },
    ...{ DateOfBirth: '1931-05-06', PatientPhone: '617-555-0199', PatientAddress: `1 ${MARK} Street` },
    ...{ VisitDate: '2026-07-01', TotalCharge: '1.00' },
  };
}

async function deliver(desk: Desk, dataset: 'Procedure' | 'Visit', stamp: string, rows: Record<string, string>[]) {
  return desk.ingest(desk.write(feedFileName(dataset, stamp), feedFileText(dataset, rows)), { protection: KEY });
}

describe('P9: a protected column', () => {
  test('is stored as the feed says, in the table, in rows that wait and in rejects; sealed texts open with the key', async () => {
    const desk = openDesk({ feed: protectedFeed() });
    const hash = createHasher(KEY.hashing);
    const bad = { ...visit('V3', 'P1'), VisitDate: 'never' };
    await deliver(desk, 'Visit', '20260801_060000', [visit('V1', 'P1'), visit('V2', 'P9'), bad]);
    const waiting = desk.rows("SELECT row_key, raw, record FROM rejects WHERE state = 'waiting' ORDER BY line");
    expect(JSON.stringify(waiting.map(({ record }) => record))).not.toContain(MARK);
    const open = createOpener(KEY.sealing);
    for (const { raw } of [...waiting, ...desk.rows("SELECT raw FROM rejects WHERE state = 'rejected'")]) {
      if (!(raw instanceof Uint8Array)) throw new Error('it is not sealed');
      expect(isSealed(raw)).toBe(true);
      expect(open(raw)).toContain(MARK);
      expect(createOpener(OTHER.sealing)(raw)).toBeNull();
    }
    // The parent comes: what waited is loaded as it would have been.
    await deliver(desk, 'Procedure', '20260802_060000', [{ ProcedureID: 'P1', ProcedureCode: 'C' }]);
    expect(
      desk.rows('SELECT patient_id, patient_name, date_of_birth, patient_phone, patient_address FROM visits'),
    ).toEqual([
      {
        patient_id: hash(`${MARK}-ID`),
        patient_name: 'Z***** ****',
        date_of_birth: '1900',
        patient_phone: '***-***-0199',
        patient_address: null,
      },
    ]);
  });

  test('a reference is protected as its key is, so that joins give the same rows and orphans heal', async () => {
    const desk = openDesk({ feed: protectedFeed({ 'procedures.procedure_id': 'hash' }) });
    await deliver(desk, 'Visit', '20260801_060000', [visit('V1', 'P1')]);
    await deliver(desk, 'Procedure', '20260802_060000', [{ ProcedureID: 'P1', ProcedureCode: 'C' }]);
    expect(desk.rows('SELECT visit_id, procedure_code FROM visits JOIN procedures USING (procedure_id)')).toEqual([
      { visit_id: 'V1', procedure_code: 'C' },
    ]);
    expect(desk.column('SELECT procedure_id FROM procedures')).toEqual([createHasher(KEY.hashing)('P1')]);
  });

  test('a key of a rejected row is kept as it would be stored', async () => {
    const desk = openDesk({ feed: protectedFeed({ 'procedures.procedure_id': 'hash' }) });
    await deliver(desk, 'Procedure', '20260801_060000', [
      { ProcedureID: 'P1', ProcedureCode: 'C', StandardCharge: 'much' },
      { ProcedureID: 'P2', ProcedureCode: 'C' },
    ]);
    expect(desk.column('SELECT row_key FROM rejects')).toEqual([createHasher(KEY.hashing)('P1')]);
  });

  test('no byte of a protected value is in any file of the database', async () => {
    const desk = openDesk({ feed: protectedFeed() });
    const rows = Array.from({ length: 500 }, (_, i) => visit(`V${i}`, i % 2 === 0 ? 'P1' : 'P9'));
    await deliver(desk, 'Procedure', '20260801_060000', [{ ProcedureID: 'P1', ProcedureCode: 'C' }]);
    await deliver(desk, 'Visit', '20260801_070000', [...rows, { ...visit('V0', 'P1'), TotalCharge: 'x' }]);
    await deliver(desk, 'Visit', '20260802_070000', rows);
    const folder = join(desk.folder, 'db');
    const files = readdirSync(folder);
    expect(files.some((name) => name.endsWith('-wal'))).toBe(true);
    for (const name of files) expect(readFileSync(join(folder, name)).includes(MARK)).toBe(false);
  });
});

describe('P9: a database', () => {
  test('is not mixed: rows in the clear, otherwise protected ones or another key are refused at the start', async () => {
    const desk = openDesk({ feed: protectedFeed() });
    await bindProtection(desk.store, desk.feed, KEY);
    await bindProtection(desk.store, desk.feed, OTHER).catch(() => undefined);
    await deliver(desk, 'Visit', '20260801_060000', [visit('V1', 'P1')]);
    await bindProtection(desk.store, desk.feed, KEY);
    await expect(bindProtection(desk.store, desk.feed, OTHER)).rejects.toThrow(
      `protected under the key ${KEY.fingerprint}, and the one at hand is ${OTHER.fingerprint}`,
    );
    await expect(bindProtection(desk.store, protectedFeed({ 'visits.patient_name': 'hash' }), KEY)).rejects.toThrow(
      'the rows of visits in the database are not protected as the feed says: patient_name is mask, not hash',
    );
    const clear = openDesk();
    await clear.deliver('Visit', '20260801_060000', [visit('V1', 'P1')]);
    await expect(bindProtection(clear.store, protectedFeed(), KEY)).rejects.toThrow(
      'patient_id is in the clear, not hash',
    );
  });
});

test('P9: the copy in the archive is sealed: it opens with the key, and only with it', async () => {
  const desk = openDesk({ feed: protectedFeed() });
  const folder = join(desk.folder, 'archive');
  const archive = openArchive(folder, undefined, KEY.archive);
  const file = desk.write(feedFileName('Visit', '20260801_060000'), feedFileText('Visit', [visit('V1', 'P1')]));
  await desk.ingest(file, { protection: KEY, keeping: { kind: 'copy', archive, behind: null } });
  await settleDrafts(archive, desk.store);
  const [copy] = listCopies(folder);
  if (copy === undefined) throw new Error('there is no copy');
  expect(readFileSync(join(folder, copy.path)).includes(MARK)).toBe(false);
  await expect(hashCopy(copy, null)).rejects.toThrow(
    'is sealed (name the key with --key-file, and the environment that protects the feed with --env)',
  );
  expect(await hashCopy(copy, OTHER.archive)).toBeNull();
  expect(await hashCopy(copy, KEY.archive)).toBe(desk.column('SELECT sha256 FROM files')[0]);
});
