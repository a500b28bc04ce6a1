/**
 * The home page's script, as it is sent. Plain JavaScript without a build: it signs in with the code of
 * the link, then lists the newest jobs and, for a chosen one, what it left behind.
 */
export const homeScript = `
const byId = (id) => document.getElementById(id);
const cell = (text) => Object.assign(document.createElement('td'), { textContent: text });
async function call(path, options) {
  const answer = await fetch(path, { headers: { 'content-type': 'application/json' }, ...options });
  if (!answer.ok) throw Object.assign(new Error((await answer.json()).detail), { status: answer.status });
  return answer.status === 204 ? undefined : answer.json();
}
function say(text) { byId('state').textContent = text; }
function size(bytes) {
  const steps = ['B', 'KiB', 'MiB', 'GiB'];
  let at = 0;
  while (bytes >= 1024 && at < 3) { bytes /= 1024; at += 1; }
  return (at === 0 ? bytes : bytes.toFixed(1)) + ' ' + steps[at];
}
async function showArtifacts(job) {
  const { items } = await call('api/queue/jobs/' + job.id + '/artifacts');
  byId('artifacts-of').textContent = 'Left by ' + job.type + ' ' + job.id;
  byId('artifacts').replaceChildren(...items.map((artifact) => {
    const row = document.createElement('tr');
    const link = Object.assign(document.createElement('a'), {
      textContent: artifact.name, href: 'api/queue/jobs/' + job.id + '/artifacts/' + artifact.id + '/download',
    });
    const name = document.createElement('td');
    name.append(link);
    row.append(name, cell(artifact.type), cell(size(artifact.sizeBytes)), cell(artifact.digest.slice(0, 19) + '…'));
    return row;
  }));
  byId('artifacts-block').hidden = false;
  byId('no-artifacts').hidden = items.length > 0;
}
async function showJobs() {
  const { items } = await call('api/queue/jobs?limit=25');
  byId('jobs').replaceChildren(...items.map((job) => {
    const row = document.createElement('tr');
    const open = Object.assign(document.createElement('button'), { textContent: job.id, type: 'button' });
    open.addEventListener('click', () => { showArtifacts(job).catch((error) => say(error.message)); });
    const id = document.createElement('td');
    id.append(open);
    const status = cell(job.status);
    status.className = 'status ' + job.status;
    row.append(id, cell(job.type), status, cell(job.attempt + ' of ' + job.maxAttempts), cell(new Date(job.createdAt).toLocaleString()));
    return row;
  }));
  byId('jobs-block').hidden = items.length === 0;
  say(items.length === 0 ? 'Signed in. The queue is empty: add a job with the command below.' : '');
}
async function start() {
  const code = new URLSearchParams(location.hash.slice(1)).get('code');
  if (code !== null) {
    history.replaceState(null, '', location.pathname);
    await call('api/session', { method: 'POST', body: JSON.stringify({ code }) });
  }
  await showJobs();
}
start().catch((error) => {
  say(error.status === 401 ? error.message + ' The server prints a sign-in link when it starts.' : error.message);
});
`;
