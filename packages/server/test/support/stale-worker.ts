// A worker in a child process that claims a job and renews its lease. A test stops it with SIGSTOP until the lease has
// expired. After SIGCONT, it makes each write call and prints the answers.
import process from 'node:process';

const { WORKER_URL = '', WORKER_TOKEN = '' } = process.env;

async function call(method: string, place: string, body: unknown, lease?: string) {
  const isJson = typeof body !== 'string';
  const response = await fetch(`${WORKER_URL}/api/queue/jobs/${place}`, {
    method,
    body: isJson ? JSON.stringify(body) : body,
    headers: {
      authorization: `Bearer ${WORKER_TOKEN}`,
      'content-type': isJson ? 'application/json' : 'text/plain',
      ...(lease === undefined ? {} : { 'proofhouse-lease': lease }),
    },
  });
  return { status: response.status, json: (await response.json()) as Record<string, unknown> };
}

function say(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

const { job } = (await call('POST', 'claim', { leaseSeconds: 1 })).json as { job: { id: string; leaseId: string } };
const beat = (): void => {
  call('POST', `${job.id}/heartbeat`, { leaseSeconds: 1 }, job.leaseId).catch(() => undefined);
};
const beating = setInterval(beat, 200);

process.on('SIGCONT', () => {
  clearInterval(beating);
  void (async () => {
    const tries: [string, string, string, unknown][] = [
      ['upload', 'PUT', `${job.id}/artifacts/late.txt`, 'late'],
      ['append', 'POST', `${job.id}/events`, { message: 'late' }],
      ['heartbeat', 'POST', `${job.id}/heartbeat`, {}],
      ['complete', 'POST', `${job.id}/complete`, { resultSummary: 'late' }],
      ['fail', 'POST', `${job.id}/fail`, { errorMessage: 'late' }],
      ['ack', 'POST', `${job.id}/cancel/ack`, {}],
    ];
    const answers: Record<string, string> = {};
    for (const [name, method, place, body] of tries) {
      const { status, json } = await call(method, place, body, job.leaseId);
      answers[name] = `${String(status)} ${String(json['code'])}`;
    }
    say(answers);
    process.exit();
  })();
});

say(job);
