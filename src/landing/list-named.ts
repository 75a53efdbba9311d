import fs from 'node:fs';
import path from 'node:path';
import { LandfallError } from '../errors.ts';
import { readFileName } from '../feed/file-name.ts';
import type { Feed } from '../feed/types.ts';
import { fileStat } from './file-stat.ts';
import { orderBatch } from './order.ts';
import type { ListedFile } from './types.ts';

/**
 * The files named, as they would be listed in the landing folder, in the order they would be taken.
 * @throws LandfallError when one cannot be read or its name is not one of the feed
 */
export function listNamed(feed: Feed, paths: readonly string[]): readonly ListedFile[] {
  const files = paths.map((file): ListedFile => {
    const name = path.basename(file);
    const found = readFileName(feed, name);
    if (found.kind !== 'taken') {
      const problem = found.kind === 'near_miss' ? found.reason : `its name is not one of the feed ${feed.name}`;
      throw new LandfallError('check', problem, {
        file,
        hint: 'the daemon would leave it where it lies; "landfall preview" reads any file',
      });
    }
    const stat = fs.statSync(file, { bigint: true, throwIfNoEntry: false });
    if (stat?.isFile() !== true) throw new LandfallError('check', 'there is no such file', { file });
    const { dataset, stamp } = found;
    return { name, path: fs.realpathSync(file), dataset, stamp, stat: fileStat(stat) };
  });
  return orderBatch(feed, files);
}
