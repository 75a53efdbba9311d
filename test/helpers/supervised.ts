import type { Supervised } from '../../src/worker/supervisor-link.ts';
import { createWaker } from '../../src/worker/waker.ts';
import type { CommandIo } from '../../src/system/io.ts';
import { createLog } from '../../src/output/log.ts';
import type { Settings } from '../../src/settings/settings.ts';

/** What a command that takes files works with, when a test runs it in its own process. */
export function supervised(settings: Settings, io: CommandIo): Supervised {
  return {
    settings,
    io,
    logger: createLog(settings, io.stdout, io.program.pid),
    supervisorPid: io.program.pid,
    before: { crashed: false, cutShortAt: null },
    giveUp: io.stop,
    waker: createWaker(io.stop),
    send: () => undefined,
  };
}
