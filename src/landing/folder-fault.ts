import { LandfallError } from '../model/errors.ts';

/** The landing folder itself cannot be listed: it is missing, unmounted, or not to be read. */
export class FolderFault extends LandfallError {
  constructor(folder: string, code: string, cause: unknown) {
    super('list landing folder', code === 'ENOENT' ? 'it does not exist' : `it cannot be read (${code})`, {
      file: folder,
      hint: 'check its mount, owner and mode, or name another with --landing',
      cause,
    });
  }
}
