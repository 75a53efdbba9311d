import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, join, relative, resolve } from 'node:path';
import { loadFeed } from '../feed/load.ts';
import { LandfallError } from '../model/errors.ts';
import { counted } from '../output/counted.ts';
import { printable } from '../output/terminal.ts';
import { feedText } from '../proposal/feed-text.ts';
import { toIdentifier } from '../proposal/names.ts';
import { propose } from '../proposal/propose.ts';
import { readSamples } from '../proposal/samples.ts';
import type { CommandIo } from '../system/io.ts';
import { writeMigrations } from './write-migrations.ts';

/** What `init` takes. */
export interface InitOptions {
  /** Sample files, and folders of them. */
  readonly samples: readonly string[];
  /** The folder that the feed is written into; its last part is the feed's name. */
  readonly out: string;
}

/**
 * Proposes a feed from sample files and writes its folder: the definition, with a comment for each guess, and the first migration.
 * @returns 0
 * @throws LandfallError where the folder holds something, or the samples do not say enough
 */
export async function init({ samples, out }: InitOptions, { stdout, stderr, cwd }: CommandIo): Promise<number> {
  const folder = resolve(cwd, out);
  if (existsSync(folder) && readdirSync(folder).length > 0)
    throw new LandfallError('init', 'the folder holds something', { file: out, hint: 'name a new one with --out' });
  const read = readSamples(samples.map((sample) => resolve(cwd, sample)));
  for (const line of read.leftOut) stderr.write(`left out: ${printable(line)}\n`);
  const proposal = propose(toIdentifier(basename(folder)), read);
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'feed.yaml');
  writeFileSync(file, feedText(proposal), { flag: 'wx' });
  const { files } = await writeMigrations(loadFeed(folder), ['sqlite', 'postgres'], null);
  for (const written of [file, ...files]) stdout.write(`written: ${shown(written, cwd)}\n`);
  const rows = read.datasets.map(({ name, rows }) => `${name} (${counted(rows, 'row')})`).join(', ');
  stdout.write(`guessed from ${printable(rows)}; review feed.yaml, then: landfall check --feed ${out} FILE\n`);
  return 0;
}

/** A path as it is shortest. */
function shown(file: string, cwd: string): string {
  const below = relative(cwd, file);
  return below.startsWith('..') ? file : below;
}
