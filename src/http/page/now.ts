import { percentRead, stepOf } from '../../model/work.ts';
import { html, type Html } from '../html.ts';
import type { View } from '../view.ts';
import { breakable, counted, sizeText, timeOf } from './words.ts';

/** What the daemon does now, and where. */
export function nowText({ report, readAt, findings, now }: View): Html {
  const { heartbeat } = report.daemon;
  if (heartbeat === null) return html`<p class="none">Nothing is known of it yet.</p>`;
  const { doing, file, due, settling, awaitingParent } = heartbeat.work;
  const waiting = [
    due > 0 ? `${counted(due, 'file')} due` : '',
    settling > 0 ? `${counted(settling, 'file')} not settled yet` : '',
    awaitingParent > 0 ? `${counted(awaitingParent, 'file')} waiting for a parent's file` : '',
  ].filter((text) => text !== '');
  const last = findings?.status.last_file ?? null;
  const { path, bytes, walBytes } = report.database;
  return html`<dl class="facts">
    <dt>Doing</dt>
    <dd>
      ${
        file === null
          ? doing
          : html`${breakable(file.name)}: ${stepOf(file)}, ${counted(file.rows, 'row')}
              <progress max="100" value="${percentRead(file)}" aria-label="read">${percentRead(file)} %</progress>`
      }
    </dd>
    ${
      waiting.length > 0
        ? html`<dt>To come</dt>
            <dd>${waiting.join(', ')}</dd>`
        : null
    }
    ${
      last === null
        ? null
        : html`<dt>Last file</dt>
            <dd>
              <a href="./files/${last.file_id}">${breakable(last.name)}</a>, ${last.state}
              ${timeOf(last.finished_at, now)}
            </dd>`
    }
    <dt>Landing</dt>
    <dd>${heartbeat.landing}</dd>
    <dt>Database</dt>
    <dd>${path}, ${sizeText(bytes)}${walBytes > 0 ? `, write-ahead log ${sizeText(walBytes)}` : ''}</dd>
    <dt>Read</dt>
    <dd>${readAt === null ? 'not yet' : timeOf(readAt, now)}</dd>
    <dt>Daemon</dt>
    <dd>process ${heartbeat.pid} on ${heartbeat.host}, up since ${timeOf(heartbeat.startedAt, now)}</dd>
  </dl>`;
}
