import { parentPort, workerData } from 'node:worker_threads';
import { readDataConditions, type DataSettings } from './data-conditions.ts';

/** The thread that asks the database for the supervisor, which has to be there within milliseconds. It is asked with the time. */
const port = parentPort;
if (port === null) throw new Error('this module is started as a worker thread');
const settings = workerData as DataSettings;

port.on('message', (now: string) => {
  void readDataConditions(settings, new Date(now)).then((known) => {
    port.postMessage(known);
  });
});
