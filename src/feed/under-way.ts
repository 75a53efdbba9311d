/** Endings that upload programs give a file until it is whole. */
export const UNDER_WAY = /\.(?:tmp|part|filepart)$/i;

/** A name with its folder, as it will be called when its upload is over: without dots in front and such an ending. */
export function wholeName(name: string): string {
  const at = name.lastIndexOf('/') + 1;
  return name.slice(0, at) + name.slice(at).replace(/^\.+/, '').replace(UNDER_WAY, '');
}
