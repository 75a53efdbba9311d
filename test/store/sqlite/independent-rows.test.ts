import Database from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import { areRowsIndependent } from '../../../src/store/sqlite/independent-rows.ts';

/** Whether the rows of table `t`, with a parent `p`, are independent. */
function independent(schema: string): boolean {
  const db = new Database(':memory:');
  onTestFinished(() => void db.close());
  db.exec(`CREATE TABLE p (k TEXT PRIMARY KEY); ${schema}`);
  return areRowsIndependent(db, 't');
}

const PLAIN = 'CREATE TABLE t (k TEXT PRIMARY KEY, a, b REFERENCES p (k) CHECK (b <> a));';

test.each([
  ['a key, a reference and a check', PLAIN],
  ['a number as the key', 'CREATE TABLE t (k INTEGER PRIMARY KEY, a)'],
  ['a key of several columns', 'CREATE TABLE t (k TEXT, l TEXT, a, PRIMARY KEY (k, l)) WITHOUT ROWID'],
  [
    'indexes that are not unique',
    `${PLAIN} CREATE INDEX i ON t (a); CREATE INDEX j ON t (lower(a)) WHERE a IS NOT NULL`,
  ],
  ['triggers on another table', `${PLAIN} CREATE TRIGGER r AFTER INSERT ON p BEGIN DELETE FROM t; END`],
])('P7: rows are independent of each other with %s', (_, schema) => {
  expect(independent(schema)).toBe(true);
});

test.each([
  ['a unique index', `${PLAIN} CREATE UNIQUE INDEX i ON t (a)`],
  ['a unique constraint', 'CREATE TABLE t (k TEXT PRIMARY KEY, a UNIQUE)'],
  ['a key that is the same in other letters', 'CREATE TABLE t (k TEXT PRIMARY KEY COLLATE NOCASE, a)'],
  [
    'a second column of the key that is',
    'CREATE TABLE t (k TEXT, l TEXT COLLATE RTRIM, a, PRIMARY KEY (k, l)) WITHOUT ROWID',
  ],
  ['a reference to the table itself', 'CREATE TABLE t (k TEXT PRIMARY KEY, a REFERENCES T (k))'],
  ['a trigger', `${PLAIN} CREATE TRIGGER r BEFORE UPDATE ON T BEGIN SELECT 1; END`],
  ['a temporary trigger', `${PLAIN} CREATE TEMP TRIGGER r BEFORE INSERT ON main.t BEGIN SELECT 1; END`],
])('P7: rows may hang on each other with %s', (_, schema) => {
  expect(independent(schema)).toBe(false);
});
