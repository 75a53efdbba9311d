import type { ProposedColumn, ProposedDataset, Proposal } from './propose.ts';

/** A proposal as the text of `feed.yaml`, with a comment for each guess. */
export function feedText(proposal: Proposal): string {
  const { feed, pattern, format, datasets } = proposal;
  return `# A proposal from sample files: each comment says why. Review it; landfall check FILE says what would become of a file.
# A column:  header: the cell in the file    name: the column of the table    type: see docs/columns.md
#   required: a row without a value is refused    references: the table whose key it names
#   phi: holds patient data                       optional: a file may lack the column
feed: ${feed}

files:
  # {dataset} is one of the names below, {stamp} a time, {part} a number
  pattern: ${quoted(pattern)}

# A file with more than this share of its rows rejected is quarantined.
max_bad_rows: 0.5

format:
  date_order: ${format.dateOrder}
  thousands_separator: ${String(format.thousandsSeparator)}
${format.nulls.length === 0 ? '' : `  nulls: [${format.nulls.map(quoted).join(', ')}] # words that stood in place of values\n`}
datasets:
${datasets.map(datasetText).join('\n')}`;
}

function datasetText({ name, table, key, keyWhy, columns }: ProposedDataset): string {
  const parts = columns.map(columnText);
  const width = Math.min(100, Math.max(...parts.map((text) => text.length)));
  const lines = columns.map((column, at) => `      ${(parts[at] ?? '').padEnd(width)} # ${column.why}\n`);
  // One column is the key where it stands first.
  const several =
    key.length > 1 ? `    key: [${key.join(', ')}] # ${keyWhy}\n` : `    # the first column is the key: ${keyWhy}\n`;
  return `  - name: ${quoted(name)}\n    table: ${table}\n${several}    columns:\n${lines.join('')}`;
}

function columnText(column: ProposedColumn): string {
  const fields = [
    `header: ${quoted(column.header)}`,
    `name: ${column.name}`,
    `type: ${column.type}`,
    ...Object.entries(column.parameters).map(([name, value]) => `${name}: ${String(value)}`),
    ...(column.required ? ['required: true'] : []),
    ...(column.optional ? ['optional: true'] : []),
    ...(column.references === null ? [] : [`references: ${column.references}`]),
    ...(column.phi ? ['phi: true'] : []),
  ];
  return `- { ${fields.join(', ')} }`;
}

/** A text as YAML: as it is where nothing else can be read from it. */
function quoted(text: string): string {
  const isPlain = /^[A-Za-z_][A-Za-z0-9_ -]*$/.test(text) && !/^(?:true|false|null|yes|no|on|off|y|n)$/i.test(text);
  return isPlain && !text.endsWith(' ') ? text : `'${text.replaceAll("'", "''")}'`;
}
