/**
 * The script of the home page, as plain JavaScript without a build step. It signs in with the code of a sign-in link or
 * with a token, and lists the newest jobs. If the URL fragment names a job (`#/jobs/<id>`), it shows the fields,
 * artifacts and events of the job, and appends new events. The page secret is stored in sessionStorage, which pages of
 * other ports cannot read. A new tab gets it from another tab of the same origin.
 */
export const homeScript = `
const key = 'proofhouse-page-secret';
const byId = (id) => document.getElementById(id);
const make = (tag, fields, ...children) => {
  const made = Object.assign(document.createElement(tag), fields);
  made.append(...children);
  return made;
};
const cell = (label, ...children) => {
  const made = make('td', {}, ...children);
  made.dataset.label = label;
  return made;
};
const tabs = new BroadcastChannel(key);
let shown = new AbortController();

async function send(path, options = {}) {
  const secret = sessionStorage.getItem(key);
  const headers = { ...(secret === null ? {} : { [key]: secret }), ...(options.body === undefined ? {} : { 'content-type': 'application/json' }) };
  const answer = await fetch(path, { ...options, headers });
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({}));
  // Another tab may have given the secret meanwhile: then the page is shown anew, and this refusal is of no interest.
  const isOld = answer.status === 401 && sessionStorage.getItem(key) !== secret;
  const message = problem.detail ?? 'The server answered ' + answer.status + '.';
  throw Object.assign(new Error(message), { status: answer.status, isOld });
}
async function call(path, options) {
  const answer = await send(path, options);
  return answer.status === 204 ? undefined : answer.json();
}
const post = (path, body) => call(path, { method: 'POST', body: JSON.stringify(body) });
function say(text) { byId('state').textContent = text; }
function failed(error) {
  if (error.name === 'AbortError' || error.isOld) return;
  if (error.status === 401) askForToken(error.message.startsWith('Send ') ? 'Sign in to see the queue.' : error.message);
  else say(error.message);
}
function askForToken(why) {
  shown.abort();
  sessionStorage.removeItem(key);
  for (const id of ['job', 'jobs-block', 'leave']) byId(id).hidden = true;
  byId('sign-in').hidden = false;
  say(why);
}
function size(bytes) {
  const steps = ['B', 'KiB', 'MiB', 'GiB'];
  let at = 0;
  while (bytes >= 1024 && at < 3) { bytes /= 1024; at += 1; }
  return (at === 0 ? bytes : bytes.toFixed(1)) + ' ' + steps[at];
}
const when = (time) => (time === null ? '–' : new Date(time).toLocaleString());
const jobLink = (id) => make('a', { href: '#/jobs/' + id, textContent: id, className: 'id' });
const statusOf = (job) => make('span', { textContent: job.status.replace('_', ' '), className: 'status ' + job.status });

async function download(path) {
  const ticket = await post('api/tickets', { path });
  location.assign(ticket.path);
}
function artifactRow(job, artifact) {
  const open = make('button', { textContent: artifact.name, type: 'button', className: 'id', title: 'Download' });
  open.addEventListener('click', () => {
    download('/api/queue/jobs/' + job.id + '/artifacts/' + artifact.id + '/download').catch(failed);
  });
  const digest = make('span', { textContent: artifact.digest.slice(0, 19) + '…', title: artifact.digest, className: 'id' });
  return make('tr', {}, cell('Name', open), cell('Type', artifact.type), cell('Size', size(artifact.sizeBytes)), cell('Digest', digest));
}
function showFields(job) {
  const fields = [
    ['Status', statusOf(job)], ['Attempt', job.attempt + ' of ' + job.maxAttempts], ['Held by', job.claimedBy ?? 'nobody'],
    ['Created', when(job.createdAt)], ['Started', when(job.startedAt)], ['Finished', when(job.finishedAt)],
  ];
  if (job.resultSummary) fields.push(['Result', job.resultSummary]);
  if (job.errorMessage) fields.push(['Error', job.errorMessage]);
  byId('job-fields').replaceChildren(...fields.map(([name, value]) =>
    make('div', {}, make('dt', { textContent: name }), make('dd', {}, value))));
}
async function refreshJob(id, signal) {
  const job = await call('api/queue/jobs/' + id, { signal });
  byId('job-title').replaceChildren(job.type + ' ', make('span', { textContent: job.id, className: 'id' }));
  showFields(job);
  const { items } = await call('api/queue/jobs/' + id + '/artifacts', { signal });
  byId('artifacts').replaceChildren(...items.map((artifact) => artifactRow(job, artifact)));
  byId('no-artifacts').hidden = items.length > 0;
  byId('artifacts').parentElement.hidden = items.length === 0;
  byId('job').hidden = false;
  return job;
}
// With fetch: an EventSource cannot show the page secret.
async function followEvents(id, signal) {
  const answer = await send('api/queue/jobs/' + id + '/events/stream', { signal });
  let text = '';
  for await (const piece of answer.body.pipeThrough(new TextDecoderStream())) {
    const blocks = (text + piece).split('\\n\\n');
    text = blocks.pop();
    const events = blocks.flatMap((block) => /^data: (.*)$/m.exec(block)?.slice(1) ?? []).map((data) => JSON.parse(data));
    byId('events').append(...events.map((event) =>
      make('li', {}, make('time', { textContent: when(event.createdAt) }), ' ', event.message)));
    if (events.length > 0) await refreshJob(id, signal);
  }
}
async function showJobs() {
  const { items } = await call('api/queue/jobs?limit=25');
  byId('jobs').replaceChildren(...items.map((job) => make('tr', {},
    cell('Job', jobLink(job.id)), cell('Type', job.type), cell('Status', statusOf(job)),
    cell('Attempt', job.attempt + ' of ' + job.maxAttempts), cell('Created', when(job.createdAt)))));
  byId('jobs-block').hidden = items.length === 0;
  byId('sign-in').hidden = true;
  byId('leave').hidden = sessionStorage.getItem(key) === null;
  say(items.length === 0 ? 'The queue is empty: add a job with the command below.' : '');
}
async function show() {
  shown.abort();
  shown = new AbortController();
  const { signal } = shown;
  const id = /^#\\/jobs\\/([\\w-]+)$/.exec(location.hash)?.[1];
  byId('job').hidden = true;
  byId('events').replaceChildren();
  await showJobs();
  if (id === undefined || signal.aborted) return;
  await refreshJob(id, signal);
  byId('job').scrollIntoView({ block: 'nearest' });
  await followEvents(id, signal);
  // The stream ends after a final state, and when the server stops.
  if ((await refreshJob(id, signal)).finishedAt !== null) return;
  setTimeout(() => { if (!signal.aborted) show().catch(failed); }, 2000);
}
const keep = ({ pageSecret }) => sessionStorage.setItem(key, pageSecret);
tabs.addEventListener('message', ({ data }) => {
  const own = sessionStorage.getItem(key);
  if (data.asks && own !== null) tabs.postMessage({ pageSecret: own });
  if (data.pageSecret && own === null) { keep(data); show().catch(failed); }
});
byId('sign-in').addEventListener('submit', (event) => {
  event.preventDefault();
  const token = byId('token').value;
  byId('token').value = '';
  post('api/session', { token }).then(keep).then(show).catch((error) => say(error.message));
});
byId('leave').addEventListener('click', () => {
  call('api/session', { method: 'DELETE' }).then(() => askForToken('Signed out.'), failed);
});
addEventListener('hashchange', () => { show().catch(failed); });
async function start() {
  const code = new URLSearchParams(location.hash.slice(1)).get('code');
  if (code !== null) {
    history.replaceState(null, '', location.pathname);
    keep(await post('api/session', { code }));
  } else if (sessionStorage.getItem(key) === null) {
    tabs.postMessage({ asks: true });
  }
  await show();
}
start().catch(failed);
`;
