/** What each row carries to say where it comes from. */
export const LINEAGE_COLUMNS = ['source_file_id', 'source_line', 'source_stamp'] as const;

/** An identifier as SQL text. Identifiers of a feed are validated when it is loaded; quoting keeps reserved words harmless. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
