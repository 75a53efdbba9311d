/**
 * What a header cell is compared by: its letters and digits in lower case, so that `Payer Name`, `payer_name` and
 * `PAYERNAME` are one. Empty for a cell without any.
 */
export function headerKey(cell: string): string {
  return cell
    .normalize('NFC')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]/gu, '');
}
