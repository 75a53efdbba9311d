import { referencesOf } from '../feed/references.ts';
import type { Column, Dataset, Feed } from '../model/feed.ts';

/**
 * The tables of a feed and their references as an entity-relationship diagram in the language of Mermaid
 * (https://mermaid.js.org/syntax/entityRelationshipDiagram.html), which many viewers of Markdown draw.
 */
export function erDiagram(feed: Feed): string {
  return [
    'erDiagram',
    ...feed.datasets.flatMap((dataset) => references(dataset)),
    ...feed.datasets.flatMap((dataset) => [
      `  ${dataset.table} {`,
      ...dataset.columns.map((column) => `    ${column.type} ${column.name}${keys(dataset, column)}`),
      '  }',
      '',
    ]),
  ]
    .join('\n')
    .trimEnd()
    .concat('\n');
}

/** `||`: each child has its parent; `|o`: it may have none. */
function references(dataset: Dataset): string[] {
  return referencesOf(dataset).map(
    ({ references: parent, required, name }) => `  ${parent} ${required ? '||' : '|o'}--o{ ${dataset.table} : ${name}`,
  );
}

function keys(dataset: Dataset, column: Column): string {
  const marks = [
    ...(dataset.keys.some(({ name }) => name === column.name) ? ['PK'] : []),
    ...(column.references === null ? [] : ['FK']),
  ];
  return marks.length === 0 ? '' : ` ${marks.join(', ')}`;
}
