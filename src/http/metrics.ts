import { Counter, Gauge, Registry } from '@prometheus-io/client';
import { FAULT_KINDS } from '../model/work.ts';
import { CONDITION_KINDS } from '../status/condition.ts';
import type { View } from './view.ts';

/** Values by their labels. */
type Samples = readonly (readonly [labels: Readonly<Record<string, string>>, value: number])[];

const OUTCOMES = ['inserted', 'updated', 'unchanged', 'stale', 'rejected', 'waiting'] as const;

/** The media type of what `renderMetrics` makes. */
export const METRICS_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;

/**
 * The metrics in Prometheus' text format. Counters are sums over the ledger, which never fall and survive a restart; labels are names of
 * datasets, tables, outcomes, codes and faults, never anything from data. Where the database has not been read yet, its metrics are left
 * out; where it cannot be read now they are as it last said, and `landfall_database_up` is 0.
 */
export async function renderMetrics(view: View): Promise<string> {
  const registry = new Registry();
  const registers = [registry];
  const add = (kind: typeof Gauge | typeof Counter, name: string, help: string, samples: Samples): void => {
    const [first] = samples;
    if (first === undefined) return;
    const labelNames = Object.keys(first[0]);
    const metric = new kind({ name: `landfall_${name}`, help, labelNames, registers });
    for (const [labels, value] of samples) metric.inc(labels, value);
  };
  const gauge = (name: string, help: string, samples: Samples | number): void => {
    add(Gauge, name, help, typeof samples === 'number' ? [[{}, samples]] : samples);
  };
  const counter = (name: string, help: string, samples: Samples): void => {
    add(Counter, name, help, samples);
  };
  addDaemon(view, gauge);
  addDatabase(view, gauge);
  addLedger(view, counter);
  return await registry.metrics();
}

type AddGauge = (name: string, help: string, samples: Samples | number) => void;
type AddCounter = (name: string, help: string, samples: Samples) => void;

function addDaemon({ report, isReady, findings }: View, gauge: AddGauge): void {
  const { heartbeat } = report.daemon;
  gauge('build_info', 'Always 1; the version that runs.', [[{ version: report.version }, 1]]);
  gauge('ready', 'Whether files can be taken: 1, or 0 while a fault keeps all of them out.', isReady ? 1 : 0);
  if (heartbeat === null) return;
  const { work, startedAt, workerPid } = heartbeat;
  gauge('start_timestamp_seconds', 'When the daemon was started.', seconds(startedAt));
  gauge('worker_up', 'Whether the process that takes files runs.', workerPid === null ? 0 : 1);
  gauge(
    'faults',
    'Conditions that last and are tried again, by kind; of those of files at most 51 are counted.',
    FAULT_KINDS.map((kind) => [{ kind }, work.faults.filter((fault) => fault.kind === kind).length]),
  );
  const conditions = Map.groupBy(report.conditions, ({ kind }) => kind);
  gauge(
    'conditions',
    'What needs someone, by kind; 0: nothing of the kind.',
    CONDITION_KINDS.map((kind) => [{ kind }, conditions.get(kind)?.length ?? 0]),
  );
  gauge(
    'overdue_deliveries',
    'Deliveries that were expected and have not come.',
    (findings?.data.datasets ?? []).map(({ dataset, periods }) => [
      { dataset },
      periods.filter(({ state }) => state === 'missing').length,
    ]),
  );
  gauge('files_due', 'Files that are ready and not yet taken.', work.due);
  gauge('files_settling', 'Files that have not stood still for long enough.', work.settling);
  gauge(
    'files_awaiting_parent',
    "Files that wait for a parent's file that is still being written.",
    work.awaitingParent,
  );
  gauge('file_in_hand_bytes', 'Size of the file in hand; 0: there is none.', work.file?.bytesTotal ?? 0);
  gauge('file_in_hand_read_bytes', 'How much of the file in hand was read.', work.file?.bytesRead ?? 0);
}

function addDatabase({ report, findings, readAt }: View, gauge: AddGauge): void {
  const { bytes, walBytes, problem } = report.database;
  gauge('database_up', 'Whether the database can be read.', problem === null ? 1 : 0);
  gauge('database_bytes', 'Size of the database file.', bytes);
  gauge('database_wal_bytes', 'Size of its write-ahead log.', walBytes);
  if (findings === null || readAt === null) return;
  gauge('database_read_timestamp_seconds', 'When the database was read for these metrics.', seconds(readAt));
  const { datasets, rejects, waiting, not_taken } = findings.status;
  const ofDatasets = (value: (one: (typeof datasets)[number]) => number | null): Samples =>
    datasets.flatMap((one) => {
      const found = value(one);
      return found === null ? [] : [[{ dataset: one.name }, found] as const];
    });
  gauge(
    'table_rows',
    'Rows in the table of a dataset.',
    ofDatasets(({ rows }) => rows),
  );
  gauge(
    'waiting_rows',
    'Rows that wait for a parent, by the table they wait for; a row that waits for two counts with each.',
    waiting.map((one) => [{ parent_table: one.parent_table }, one.rows]),
  );
  gauge(
    'open_rejected_rows',
    'Rejected rows that no correction has replaced yet.',
    rejects.filter(({ code }) => code !== 'missing_parent').map(({ dataset, code, rows }) => [{ dataset, code }, rows]),
  );
  gauge(
    'quarantined_files',
    'Files that are quarantined now.',
    ofDatasets((one) => one.files_quarantined),
  );
  gauge('files_not_taken', 'Names that come near to one of the feed, and files that are held.', not_taken.files);
  gauge(
    'checkpoint_timestamp_seconds',
    'The newest stamp that was ingested of a dataset.',
    ofDatasets(({ checkpoint }) => (checkpoint === null ? null : seconds(checkpoint))),
  );
  gauge(
    'checkpoint_ingested_timestamp_seconds',
    'When the file with that stamp was committed.',
    ofDatasets(({ checkpoint_at }) => (checkpoint_at === null ? null : seconds(checkpoint_at))),
  );
}

function addLedger({ findings }: View, counter: AddCounter): void {
  if (findings === null) return;
  const { totals } = findings.overview;
  counter(
    'files_ingested_total',
    'Files that were ingested, each correction by itself.',
    totals.map(({ dataset, files }) => [{ dataset }, files]),
  );
  counter(
    'file_bytes_ingested_total',
    'Bytes of the files that were ingested.',
    totals.map(({ dataset, bytes }) => [{ dataset }, bytes]),
  );
  counter(
    'rows_total',
    "Rows that were read, by what became of them at their file's commit.",
    totals.flatMap(({ dataset, rows }) => OUTCOMES.map((outcome) => [{ dataset, outcome }, rows[outcome]] as const)),
  );
  counter(
    'rows_refused_total',
    "Rows that were not loaded at their file's commit, by code; missing_parent: they wait, or waited.",
    totals.flatMap(({ dataset, refused }) =>
      Object.entries(refused).map(([code, rows]) => [{ dataset, code }, rows] as const),
    ),
  );
}

function seconds(iso: string): number {
  return Date.parse(iso) / 1000;
}
