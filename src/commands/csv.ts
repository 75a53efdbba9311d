/** One line of CSV (RFC 4180): commas, doubled quotes, a line end of CRLF. */
export function csvLine(fields: readonly string[]): string {
  // A line of nothing would be no row at all.
  if (fields.length === 1 && fields[0] === '') return '""\r\n';
  return `${fields.map(quoted).join(',')}\r\n`;
}

function quoted(field: string): string {
  return /[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}
