import { describe, expect, test } from 'vitest';
import { COLUMNS, feedFileName } from '../helpers/feed-files.ts';
import { type Desk, openDesk } from '../helpers/ingest.ts';

const NAME = feedFileName('Visit', '20260801_060000');
const HEADER = COLUMNS.Visit.join('|');

/** A visit's line: `name` is free text, `date` may be wrong. The procedure it refers to is missing. */
const line = (id: string, name: string, date = '2026-08-01'): string => `${id}|P1|M1|${name}|||||${date}|||||`;

type Spell = (text: string) => Buffer;
const utf8: Spell = (text) => Buffer.from(text);
const utf16le: Spell = (text) => Buffer.from(text, 'utf16le');
const utf16be: Spell = (text) => Buffer.from(text, 'utf16le').swap16();
/** Windows-1252 as far as these tests go: Latin-1, the euro sign and two quotation marks. */
const windows1252: Spell = (text) =>
  Buffer.from(text.replaceAll('€', '\x80').replaceAll('“', '\x93').replaceAll('”', '\x94'), 'latin1');

interface Kept {
  readonly line: number;
  readonly byte_offset: number;
  readonly code: string;
  readonly raw: string | Buffer;
}

const kept = (desk: Desk) =>
  desk.rows('SELECT line, byte_offset, code, raw FROM rejects ORDER BY line') as unknown as Kept[];

/** The bytes of the ledger's only file, divided. */
function divided(desk: Desk): Record<string, unknown> {
  const [file] = desk.rows('SELECT bytes, bytes_header, bytes_rows, bytes_refused, bytes_skipped FROM files');
  return file ?? {};
}

describe('P6: what is refused or waits is kept exactly as it was sent, with its line and byte offset', () => {
  const lines = [
    line('V1', 'Zoë “€ 5”'),
    line('V2', 'Müller', 'soon'),
    line('V3', 'José'),
    `"V4"|P1|M1|"two ""lines""\nof Zoë"|||||never|||||`,
    line('V5', '  spaces  ', '2026-13-01'),
    'V6|short é',
    line('V7', 'more'),
    line('V8', 'last'),
  ];
  const codes = [
    'missing_parent',
    'bad_date',
    'missing_parent',
    'bad_date',
    'bad_date',
    'field_count',
    'missing_parent',
    'missing_parent',
  ];

  test.each<[string, Spell, Buffer, string]>([
    ['UTF-8', utf8, Buffer.alloc(0), '\n'],
    ['UTF-8 with a byte order mark, CRLF', utf8, Buffer.from([0xef, 0xbb, 0xbf]), '\r\n'],
    ['Windows-1252', windows1252, Buffer.alloc(0), '\r\n'],
    ['UTF-16, little end first', utf16le, Buffer.from([0xff, 0xfe]), '\r\n'],
    ['UTF-16, big end first', utf16be, Buffer.from([0xfe, 0xff]), '\n'],
  ])('%s', async (_, spell, mark, newline) => {
    const desk = openDesk();
    const spelt = lines.map((text) => spell(text + newline));
    const header = spell(HEADER + newline);
    const outcome = await desk.ingest(desk.write(NAME, Buffer.concat([mark, header, ...spelt])));
    expect(outcome).toMatchObject({ kind: 'ingested', counts: { read: 8, rejected: 4, waiting: 4 } });

    let offset = mark.length + header.length;
    const starts = spelt.map((bytes) => (offset += bytes.length) - bytes.length);
    const physicalLines = [2, 3, 4, 5, 7, 8, 9, 10];
    expect(kept(desk)).toEqual(
      lines.map((raw, at) => ({ line: physicalLines[at], byte_offset: starts[at], code: codes[at], raw })),
    );
    const refused = [1, 3, 4, 5].reduce((sum, at) => sum + (spelt[at]?.length ?? 0), 0);
    const rows = [0, 2, 6, 7].reduce((sum, at) => sum + (spelt[at]?.length ?? 0), 0);
    expect(divided(desk)).toEqual({
      bytes: mark.length + header.length + rows + refused,
      bytes_header: header.length,
      bytes_rows: rows,
      bytes_refused: refused,
      bytes_skipped: mark.length,
    });
  });

  test.each(['\n', '\r\n', '\r'])(
    'bytes that are no text are kept as bytes, without their line end %j',
    async (end) => {
      const desk = openDesk();
      const good = Array.from({ length: 400 }, (_unused, at) => `${line(`V${at}`, 'Zoë')}${end}`);
      const bad = Buffer.concat([
        Buffer.from('B1|P1|M1|Zo'),
        Buffer.from([0xeb, 0xff]),
        Buffer.from('|||||2026-08-01|||||'),
      ]);
      const head = Buffer.from(`${HEADER}${end}${good.join('')}`);
      const rest = Buffer.from(end + good.join('').replaceAll('V', 'W'));
      await desk.ingest(desk.write(NAME, Buffer.concat([head, bad, rest])));
      const rejected = kept(desk).filter((reject) => reject.code !== 'missing_parent');
      expect(rejected).toEqual([{ line: 402, byte_offset: head.length, code: 'bad_encoding', raw: bad }]);
    },
  );

  test.each(['utf-16le', 'utf-16be'])('so are those of a file in %s', async (encoding) => {
    const desk = openDesk();
    const good = Array.from({ length: 40 }, (_unused, at) => `${line(`V${at}`, 'Zoë')}\r\n`).join('');
    const encode = (text: string): Buffer => {
      const bytes = Buffer.from(text, 'utf16le');
      return encoding === 'utf-16le' ? bytes : bytes.swap16();
    };
    // A high surrogate that nothing follows.
    const bad = encode(line('B1', 'Zo\ud83d'));
    const head = encode(`\ufeff${HEADER}\r\n${good}`);
    await desk.ingest(desk.write(NAME, Buffer.concat([head, bad, encode(`\r\n${good.replaceAll('V', 'W')}`)])));
    const rejected = kept(desk).filter((reject) => reject.code !== 'missing_parent');
    expect(rejected).toEqual([{ line: 42, byte_offset: head.length, code: 'bad_encoding', raw: bad }]);
  });

  test('a last row without a line end, blank lines and a repeated header: every byte of the file is accounted for', async () => {
    const desk = openDesk();
    const text = `\n${HEADER}\n${line('V1', 'a')}\n\n${HEADER}\n${line('V2', 'b', 'x')}\n${line('V3', 'c')}\n\n${line('V4', 'd')}`;
    const outcome = await desk.ingest(desk.write(NAME, text));
    expect(outcome).toMatchObject({ kind: 'ingested', counts: { read: 4 } });
    const sums = divided(desk);
    expect(
      Number(sums['bytes_header']) +
        Number(sums['bytes_rows']) +
        Number(sums['bytes_refused']) +
        Number(sums['bytes_skipped']),
    ).toBe(Buffer.byteLength(text));
    for (const reject of kept(desk)) {
      expect(text.slice(reject.byte_offset, reject.byte_offset + String(reject.raw).length)).toBe(reject.raw);
      expect(text.slice(0, reject.byte_offset).split('\n')).toHaveLength(reject.line);
    }
  });

  test('a file of more than one piece: rejects and orphans at its ends and in its middle', async () => {
    const desk = openDesk();
    const rows = Array.from({ length: 45_000 }, (_, at) =>
      line(`V${at}`, 'Zoë'.repeat(at % 40), at % 1000 === 999 ? 'soon' : '2026-08-01'),
    );
    const text = `${HEADER}\n${rows.join('\n')}\n`;
    const outcome = await desk.ingest(desk.write(NAME, text));
    expect(outcome).toMatchObject({ kind: 'ingested', counts: { read: 45_000, rejected: 45, waiting: 44_955 } });
    const bytes = Buffer.from(text);
    let wrong = 0;
    for (const { line: at, byte_offset: offset, raw } of kept(desk)) {
      const same = raw === rows[at - 2] && bytes.toString('utf8', offset, offset + Buffer.byteLength(raw)) === raw;
      if (!same) wrong++;
    }
    expect(wrong).toBe(0);
  });

  test('raw text is cleared when a row heals, and stays when it is superseded', async () => {
    const desk = openDesk();
    await desk.ingest(desk.write(NAME, `${HEADER}\n${line('V1', 'old')}\n${line('V1', 'new')}\n`));
    await desk.deliver('Procedure', '20260801_060000', [{ ProcedureID: 'P1', ProcedureCode: 'C' }]);
    expect(desk.rows('SELECT state, raw, record FROM rejects ORDER BY line')).toEqual([
      { state: 'superseded', raw: line('V1', 'old'), record: null },
      { state: 'healed', raw: null, record: null },
    ]);
  });
});
