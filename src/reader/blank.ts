/** Whether a line's fields hold nothing but white space, a byte order mark (files put together) or the end mark of DOS. */
export function isBlank(fields: readonly string[]): boolean {
  return fields.every((field) => field === '' || field.replaceAll('\u001a', '').trim() === '');
}
