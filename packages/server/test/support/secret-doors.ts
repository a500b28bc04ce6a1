import { WireExperiment } from './wire-experiment.ts';
import type { Answer, TestServer } from './test-server.ts';

/** Sends a text in a call that stores it. */
export type Door = (t: TestServer, text: string) => Promise<Answer>;

/** Calls that store the bytes of an upload. */
export const byteDoors: Readonly<Record<string, Door>> = {
  put: async (t, file) => t.put((await t.enqueue()).id, { name: t.unique('a'), file }),
  form: async (t, file) => t.upload((await t.enqueue()).id, { name: t.unique('a'), file }),
  deposit: async (t, value) => (await WireExperiment.make(t)).send([{ name: 'file', value }]),
};

async function onHeld(t: TestServer, call: string, json: object): Promise<Answer> {
  const { job, worker, lease } = await t.running();
  if (call === 'cancel/ack') await t.post(`/api/queue/jobs/${job.id}/cancel`);
  return t.post(`/api/queue/jobs/${job.id}/${call}`, json, worker, { 'proofhouse-lease': lease });
}

/** Calls that store text of a JSON body. */
export const textDoors: Readonly<Record<string, Door>> = {
  payload: (t, text) => t.post('/api/queue/jobs', { type: 'exec', payload: { deep: [{ text }] } }),
  batch: (t, text) => {
    const items = [{ type: 'exec' }, { type: 'exec', payload: { text } }];
    return t.post('/api/queue/jobs/batch', { items });
  },
  'event message': (t, message) => onHeld(t, 'events', { message }),
  'event payload': (t, text) => onHeld(t, 'events', { message: 'm', payload: { text } }),
  events: (t, message) => onHeld(t, 'events', { events: [{ message: 'first' }, { message }] }),
  resultSummary: (t, resultSummary) => onHeld(t, 'complete', { resultSummary }),
  finishSummary: (t, finishSummary) => onHeld(t, 'complete', { finishSummary }),
  'finishSummary object': (t, text) => onHeld(t, 'complete', { finishSummary: { text } }),
  errorMessage: (t, errorMessage) => onHeld(t, 'fail', { errorMessage }),
  acknowledgement: (t, message) => onHeld(t, 'cancel/ack', { message }),
  reason: async (t, reason) => t.post(`/api/queue/jobs/${(await t.enqueue()).id}/cancel`, { reason }),
};

/** Calls that store a short text on one line. */
export const lineDoors: Readonly<Record<string, Door>> = {
  title: async (t, title) => t.upload((await t.enqueue()).id, { name: t.unique('a'), fields: { title } }),
  'title of a PUT': async (t, title) => {
    const url = `/api/queue/jobs/${(await t.enqueue()).id}/artifacts/a?title=${encodeURIComponent(title)}`;
    return t.call('PUT', url, { payload: 'bytes' });
  },
  tags: async (t, tag) =>
    t.upload((await t.enqueue()).id, { name: t.unique('a'), fields: { tags: JSON.stringify(['one', tag]) } }),
  name: async (t, name) => t.put((await t.enqueue()).id, { name: `folder/${name}.txt` }),
  'filename of a deposit': async (t, filename) =>
    (await WireExperiment.make(t)).send([{ name: 'file', value: 'bytes', filename }]),
  affinityKey: (t, affinityKey) => t.post('/api/queue/jobs', { type: 'exec', affinityKey }),
};

export const everyDoor = { ...byteDoors, ...textDoors, ...lineDoors };
