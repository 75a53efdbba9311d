/**
 * What differs between the way a file is written and the dataset's last one.
 * @param last dialect and extra header cells of the last file as JSON, or null where there is none
 * @returns `newExtra`: header cells that no column takes and the last file did not have; `drift`: names of the dialect's properties that changed
 */
export function formatNews(
  last: { readonly dialect: string; readonly extra: string } | null,
  now: { readonly dialect: string; readonly extra: string },
): { readonly newExtra: readonly string[]; readonly drift: readonly string[] } {
  const extra = JSON.parse(now.extra) as readonly string[];
  if (last === null) return { newExtra: extra, drift: [] };
  const known = new Set(JSON.parse(last.extra) as readonly string[]);
  const before = JSON.parse(last.dialect) as Readonly<Record<string, unknown>>;
  const after = JSON.parse(now.dialect) as Readonly<Record<string, unknown>>;
  return {
    newExtra: extra.filter((cell) => !known.has(cell)),
    drift: Object.keys(after).filter((property) => after[property] !== before[property]),
  };
}
