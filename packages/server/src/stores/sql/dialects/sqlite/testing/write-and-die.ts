// Commits settings with the names 0, 1, 2 …, one in each commit, then kills itself as `kill -9` would. Usage: `node
// write-and-die.ts <file> <count> [value bytes]`.
import process from 'node:process';
import { openMetadataStore } from '../../../../open-metadata-store.ts';

const [file = '', count = '', valueBytes = '100'] = process.argv.slice(2);
const store = await openMetadataStore(`sqlite:${file}`);
for (let name = 0; name < Number(count); name++) {
  await store.settings.put(String(name), 'v'.repeat(Number(valueBytes)));
}
process.kill(process.pid, 'SIGKILL');
