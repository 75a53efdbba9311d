import { toJson } from '../output/json.ts';
import { layOut } from '../output/table.ts';
import { settingsInForce, type SettingSources } from '../settings/read-settings.ts';
import { defaultOf, SETTINGS } from '../settings/settings.ts';
import type { CommandIo } from '../system/io.ts';

/** What `config` takes. */
export interface ConfigOptions {
  readonly sources: SettingSources;
  readonly json: boolean;
}

/**
 * Shows every setting with its value and where it came from.
 * @returns 0
 * @throws LandfallError where settings are wrong
 */
export function config({ sources, json }: ConfigOptions, { stdout }: CommandIo): Promise<number> {
  const settings = settingsInForce(sources);
  if (json) stdout.write(`${toJson(settings, '  ')}\n`);
  else {
    const inWords = new Map(SETTINGS.map((info): [string, string] => [info.name, defaultOf(info)]));
    const rows = settings.map(({ name, value, source }) => [name, value ?? inWords.get(name) ?? '', source]);
    stdout.write(layOut(stdout, ['setting', 'value', 'from'], rows));
  }
  return Promise.resolve(0);
}
