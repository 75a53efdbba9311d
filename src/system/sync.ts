import fs from 'node:fs';
import { systemCode } from './system-error.ts';

/**
 * Makes the content of a file, or what was renamed or created in a folder, outlive a power cut. Some file systems know no such thing for
 * folders: they have done what they can.
 * @throws the system's error
 */
export function syncToDisk(place: string): void {
  const handle = fs.openSync(place, 'r');
  try {
    fs.fsyncSync(handle);
  } catch (error) {
    const code = systemCode(error);
    if (code !== 'EINVAL' && code !== 'ENOTSUP' && code !== 'EOPNOTSUPP') throw error;
  } finally {
    fs.closeSync(handle);
  }
}
