import { closeSync, openSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { parseFile } from '../../src/ingest/parser.ts';
import type { Source } from '../../src/ingest/source.ts';
import type { Survey } from '../../src/reader/types.ts';
import { openDesk } from '../helpers/ingest.ts';

test('P7: an error of the system while the thread reads keeps its code: it is the file’s fault, not the program’s', async () => {
  const desk = openDesk();
  const [dataset] = desk.feed.datasets;
  if (dataset === undefined) throw new Error('the feed has datasets');
  // A folder can be opened like a file, and refuses to be read.
  const handle = openSync(desk.landing, 'r');
  onTestFinished(() => {
    closeSync(handle);
  });
  const nothing = (): never => {
    throw new Error('the thread reads by itself');
  };
  const source: Source = {
    handle,
    walk: nothing,
    walkText: nothing,
    useText: nothing,
    row: nothing,
    requireUnchanged: nothing,
    close: nothing,
  };
  const bytes = 5 * 1024 * 1024;
  const survey: Survey = { bytes, encoding: 'utf-8', bom: false, notText: null };
  const batches = parseFile(source, bytes, {
    dataset,
    format: desk.feed.format,
    survey,
    rowFormat: 'sqlite',
    takenAt: new Date(),
  });
  await expect(batches.next()).rejects.toMatchObject({ code: 'EISDIR', syscall: 'read' });
});
